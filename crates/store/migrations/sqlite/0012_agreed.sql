-- What all programs on a database must be told alike. Who is told otherwise does not start.
CREATE TABLE agreed (
  name   TEXT NOT NULL PRIMARY KEY,
  value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where balances are stored, they are kept. Where none is, whoever starts first says how it is to be.
INSERT INTO agreed (name, value) SELECT 'balances', 'kept' WHERE EXISTS (SELECT 1 FROM balances WHERE amount <> 0);
