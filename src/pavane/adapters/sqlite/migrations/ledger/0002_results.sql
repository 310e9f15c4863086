-- What a service remembers of the steps that it did (ports/results.py). A result without output
-- says that something has begun. Services have tables of their own in this file, so the names of
-- ours begin with pavane_ from here on.

CREATE TABLE pavane_result (
    key TEXT NOT NULL PRIMARY KEY,
    output BLOB,
    at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX pavane_result_by_age ON pavane_result (at);
