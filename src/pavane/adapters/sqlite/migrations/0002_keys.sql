-- Who may come in (ports/keys.py). Of a secret only its digest is here. Times are epoch milliseconds.

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    roles TEXT NOT NULL, -- separated by commas
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
