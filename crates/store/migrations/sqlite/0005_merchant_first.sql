-- What belongs to a merchant is read with that merchant in the condition, in every database. So the merchant stands first in the indexes by
-- which an order's parts are found: an index that the merchant alone would lead to is a walk over all that the merchant has.

ALTER TABLE attempts ADD COLUMN merchant_id BLOB NOT NULL DEFAULT x'';
UPDATE attempts SET merchant_id = (SELECT merchant_id FROM psp_accounts WHERE id = psp_account_id);

DROP TRIGGER attempts_keep_what_they_are;
CREATE TRIGGER attempts_keep_what_they_are
BEFORE UPDATE OF id, merchant_id, order_id, number, psp_account_id, psp, created_at ON attempts
WHEN NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.order_id <> OLD.order_id OR NEW.number <> OLD.number
  OR NEW.psp_account_id <> OLD.psp_account_id OR NEW.psp <> OLD.psp OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'what an attempt is never changes'); END;

CREATE TRIGGER attempts_are_of_their_order_s_merchant BEFORE INSERT ON attempts
WHEN NEW.merchant_id IS NOT (SELECT merchant_id FROM payment_orders WHERE id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'an attempt is of its order''s merchant'); END;

DROP INDEX captures_by_order;
CREATE INDEX captures_by_order ON captures (merchant_id, order_id, id);
DROP INDEX refunds_by_order;
CREATE INDEX refunds_by_order ON refunds (merchant_id, order_id, id);
DROP INDEX disputes_by_order;
CREATE INDEX disputes_by_order ON disputes (merchant_id, order_id, id);
DROP INDEX journal_entries_by_order;
CREATE INDEX journal_entries_by_order ON journal_entries (merchant_id, order_id) WHERE order_id IS NOT NULL;
-- With the kind: else the merchant's declines of one kind look like the shorter list.
DROP INDEX declines_by_event;
CREATE INDEX declines_by_event ON declines (merchant_id, event_id, kind);

DROP TRIGGER refunds_stay_within_their_attempt;
CREATE TRIGGER refunds_stay_within_their_attempt AFTER UPDATE OF status ON refunds
WHEN NEW.status <> 'failed' AND (SELECT sum(amount) FROM refunds
    WHERE merchant_id = NEW.merchant_id AND order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND status <> 'failed')
  > (SELECT refunded + refunding FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'refunds stay within what their attempt gives back'); END;
DROP TRIGGER refunds_begin_within_their_attempt;
CREATE TRIGGER refunds_begin_within_their_attempt AFTER INSERT ON refunds
WHEN NEW.status <> 'failed' AND (SELECT sum(amount) FROM refunds
    WHERE merchant_id = NEW.merchant_id AND order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND status <> 'failed')
  > (SELECT refunded + refunding FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'refunds stay within what their attempt gives back'); END;
DROP TRIGGER disputes_stay_within_their_attempt;
CREATE TRIGGER disputes_stay_within_their_attempt AFTER UPDATE OF withdrawn ON disputes
WHEN NEW.withdrawn <> OLD.withdrawn AND (SELECT sum(amount) FROM disputes
    WHERE merchant_id = NEW.merchant_id AND order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND withdrawn = 1 AND returned = 0)
  > (SELECT disputed FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'what is withdrawn is disputed on the attempt too'); END;
DROP TRIGGER disputes_begin_within_their_attempt;
CREATE TRIGGER disputes_begin_within_their_attempt AFTER INSERT ON disputes
WHEN NEW.withdrawn = 1 AND (SELECT sum(amount) FROM disputes
    WHERE merchant_id = NEW.merchant_id AND order_id = NEW.order_id AND attempt_id = NEW.attempt_id AND withdrawn = 1 AND returned = 0)
  > (SELECT disputed FROM attempts WHERE id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'what is withdrawn is disputed on the attempt too'); END;
