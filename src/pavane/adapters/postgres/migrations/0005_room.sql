-- A header changes with every step of its execution, and those of a batch lie side by side: a page
-- needs room for a second version of each, so that a change that touches no index stays on its page.
-- Pages that are there already keep their room.
-- serves: 1

ALTER TABLE execution SET (fillfactor = 45);
