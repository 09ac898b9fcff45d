-- What all nodes on a database must be told alike. Who is told otherwise does not start.
CREATE TABLE agreed (
  name   text NOT NULL,
  value  text NOT NULL,
  CONSTRAINT agreed_pkey PRIMARY KEY (name)
);

-- Where balances are stored, they are kept. Where none is, whoever starts first says how it is to be.
INSERT INTO agreed (name, value) SELECT 'balances', 'kept' WHERE EXISTS (SELECT FROM balances WHERE amount <> 0);

-- Of two who give back, or take, at once, the second is to see what the first did. In other isolations it would not, although it waits.
CREATE TRIGGER captures_come_in_read_committed BEFORE INSERT OR UPDATE ON captures
WHEN (current_setting('transaction_isolation') <> 'read committed') EXECUTE FUNCTION written_in_read_committed();
CREATE TRIGGER refunds_come_in_read_committed BEFORE INSERT OR UPDATE ON refunds
WHEN (current_setting('transaction_isolation') <> 'read committed') EXECUTE FUNCTION written_in_read_committed();
CREATE TRIGGER disputes_come_in_read_committed BEFORE INSERT OR UPDATE ON disputes
WHEN (current_setting('transaction_isolation') <> 'read committed') EXECUTE FUNCTION written_in_read_committed();

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ducat_app') THEN
    GRANT SELECT, INSERT, DELETE ON agreed TO ducat_app;
  END IF;
END $$;
