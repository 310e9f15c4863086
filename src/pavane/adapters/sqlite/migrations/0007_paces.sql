-- When tasks with a rate began lately (core/model/pace.py): one short row for each of them.

CREATE TABLE pace (
    task TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
