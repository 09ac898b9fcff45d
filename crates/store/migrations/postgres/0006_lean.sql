-- The same rules for less: fewer bytes per payment. The embedded database has more of it in its own sixth migration.

-- Each of the two changes that an attempt goes through writes a column that an index names (its token, its payment at the PSP, its slot), so
-- its new version never needs to lie on the page of the one before: room that is kept for it stays empty.
ALTER TABLE attempts SET (fillfactor = 100);

-- Marks lie in the order of their time, so an index over whole ranges of pages finds the old ones, and takes next to nothing.
DROP INDEX write_marks_by_age;
CREATE INDEX write_marks_by_age ON write_marks USING brin (at);
