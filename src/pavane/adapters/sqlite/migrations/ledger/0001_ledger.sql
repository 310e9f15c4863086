-- A service's own record (ports/ledger.py). Times are epoch milliseconds, 0 where there is none.
--
-- Rows are short as a rule and read by group, so they stand in one tree in the order of their
-- groups. The log is read from a position on by other processes, which look only at the topic of
-- what is not for them: it comes first, and large data last.

CREATE TABLE execution (
    id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    closed_at INTEGER
) WITHOUT ROWID;

CREATE INDEX execution_by_closing ON execution (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE state (
    execution TEXT NOT NULL,
    "group" TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, "group", name)
) WITHOUT ROWID;

CREATE TABLE inbox (
    message TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX inbox_by_age ON inbox (at);

CREATE TABLE todo (
    execution TEXT NOT NULL,
    name TEXT NOT NULL,
    due INTEGER NOT NULL,
    queue TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, name)
) WITHOUT ROWID;

CREATE INDEX todo_by_due ON todo (due, execution, name) WHERE queue = '';
CREATE INDEX todo_by_work ON todo (execution, name) WHERE queue <> '';

CREATE TABLE log (
    position INTEGER NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    "key" TEXT NOT NULL,
    at INTEGER NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    time INTEGER NOT NULL,
    datacontenttype TEXT NOT NULL,
    dataschema TEXT NOT NULL,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE aside (
    message TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    execution TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    time INTEGER NOT NULL,
    datacontenttype TEXT NOT NULL,
    dataschema TEXT NOT NULL,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL
);

CREATE INDEX aside_by_age ON aside (at, message);
CREATE INDEX aside_by_kind ON aside (kind, at, message);

CREATE TABLE "offset" (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;

-- Readers remember how far they have come in this log, not in whatever file has its name.
INSERT INTO meta (name, value) VALUES ('log', lower(hex(randomblob(8))));
