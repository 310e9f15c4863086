-- The start key of an execution that has ended may go to another one, its successor.

ALTER TABLE execution ADD COLUMN successor TEXT NOT NULL DEFAULT '';

DROP INDEX execution_by_key;
CREATE UNIQUE INDEX execution_by_key ON execution ("key", workflow, successor) WHERE "key" <> '';
