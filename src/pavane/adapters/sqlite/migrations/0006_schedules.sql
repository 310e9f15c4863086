-- What starts workflows at its times; the body is JSON.

CREATE TABLE schedule (
    name TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
