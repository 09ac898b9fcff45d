-- What lay on a merchant's accounts is kept every so many entries, so that whoever asks for a moment of the past adds up what came since then,
-- and not all that was ever booked.

-- How far a merchant's books are closed.
CREATE TABLE books (
  merchant_id  BLOB NOT NULL PRIMARY KEY REFERENCES merchants (id),
  -- What was booked before this entry is closed.
  closed       BLOB NOT NULL CHECK (length(closed) = 16),
  -- What was booked before this one is being closed; the same where nothing is.
  closing      BLOB NOT NULL CHECK (length(closing) = 16 AND closing >= closed),
  -- How often something was booked before that one all the same.
  late         INTEGER NOT NULL CHECK (late >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER books_are_only_closed_further BEFORE UPDATE ON books
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.closed < OLD.closed OR NEW.closing < OLD.closing OR NEW.late < OLD.late
BEGIN SELECT RAISE(ABORT, 'what is closed stays closed'); END;

CREATE TRIGGER books_are_kept BEFORE DELETE ON books
BEGIN SELECT RAISE(ABORT, 'what is closed stays closed'); END;

-- What lay on an account before an entry. Each account of the merchant that had a line by then has a row.
CREATE TABLE closings (
  merchant_id  BLOB NOT NULL REFERENCES books (merchant_id),
  before       BLOB NOT NULL CHECK (length(before) = 16),
  account_id   INTEGER NOT NULL REFERENCES accounts (id),
  posted       INTEGER NOT NULL,
  pending      INTEGER NOT NULL,
  PRIMARY KEY (merchant_id, before, account_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER closings_keep_what_they_are BEFORE UPDATE ON closings
WHEN NEW.merchant_id <> OLD.merchant_id OR NEW.before <> OLD.before OR NEW.account_id <> OLD.account_id
BEGIN SELECT RAISE(ABORT, 'what is closed stays closed'); END;

CREATE TRIGGER closings_are_kept BEFORE DELETE ON closings
BEGIN SELECT RAISE(ABORT, 'what is closed stays closed'); END;

-- An entry that comes late is added to whatever was closed after it, and whoever is at closing books begins anew.
CREATE TRIGGER journal_entries_come_late AFTER INSERT ON journal_entries
WHEN NEW.id < (SELECT closing FROM books WHERE merchant_id = NEW.merchant_id)
BEGIN
  UPDATE books SET late = late + 1 WHERE merchant_id = NEW.merchant_id;
  INSERT INTO closings (merchant_id, before, account_id, posted, pending)
  SELECT c.merchant_id, c.before, p.account_id, coalesce(sum(p.amount) FILTER (WHERE p.layer = 0), 0),
    coalesce(sum(p.amount) FILTER (WHERE p.layer = 1), 0)
  FROM closings c CROSS JOIN postings p
  WHERE c.merchant_id = NEW.merchant_id AND c.before > NEW.id AND p.entry_id = NEW.id
    AND c.account_id = (SELECT min(l.account_id) FROM closings l WHERE l.merchant_id = c.merchant_id AND l.before = c.before)
  GROUP BY c.merchant_id, c.before, p.account_id
  ON CONFLICT DO UPDATE SET posted = posted + excluded.posted, pending = pending + excluded.pending;
END;
