-- An attempt names its merchant, as everything else does, so that it is found by its merchant on every database.
ALTER TABLE attempts ADD COLUMN merchant_id BLOB REFERENCES merchants (id);
UPDATE attempts SET merchant_id = (SELECT o.merchant_id FROM payment_orders o WHERE o.id = attempts.order_id);

-- A column that is added may be NULL, so the rule says what else NOT NULL would.
CREATE TRIGGER attempts_are_of_their_merchant BEFORE INSERT ON attempts
WHEN NEW.merchant_id IS NOT (SELECT merchant_id FROM payment_orders WHERE id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'an attempt is of its order''s merchant'); END;
CREATE TRIGGER attempts_keep_their_merchant BEFORE UPDATE OF merchant_id ON attempts
WHEN NEW.merchant_id IS NOT OLD.merchant_id
BEGIN SELECT RAISE(ABORT, 'what an attempt is never changes'); END;
