-- The rows of record (ports/store.py). Times are epoch milliseconds, 0 where there is none.
--
-- Tables of short rows have no rowid: one tree to search and to write instead of two. Tables with
-- payloads have one, because a row in a key tree spills to pages of its own at a quarter of a page.
-- Ids are ordered by time, so that new rows go to the end of each tree and neighbours share pages.
-- Each index below is paid for by every write that touches its columns; there is no other.

CREATE TABLE execution (
    id TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_ref TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    parent_ref TEXT NOT NULL,
    "key" TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    priority INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    alarm_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    open INTEGER NOT NULL,
    undoable INTEGER NOT NULL,
    undoable_open INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    phase TEXT NOT NULL,
    cursor TEXT NOT NULL,
    pivot TEXT NOT NULL,
    pivot_passed INTEGER NOT NULL,
    permissive_failure TEXT NOT NULL,
    ended_by TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX execution_by_status ON execution (status, id);
CREATE INDEX execution_by_workflow ON execution (workflow, status, id);
CREATE UNIQUE INDEX execution_by_key ON execution ("key", workflow) WHERE "key" <> '';
CREATE INDEX execution_by_parent ON execution (parent_id, id) WHERE parent_id <> '';
CREATE INDEX execution_by_alarm ON execution (alarm_at, id) WHERE alarm_at > 0;

-- What changes comes first, so that a large input or output need not be read to find it.
CREATE TABLE task (
    execution_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    worker TEXT NOT NULL,
    service TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    first_scheduled_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    polls INTEGER NOT NULL,
    count INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    child_id TEXT NOT NULL,
    undoable INTEGER NOT NULL,
    frontier INTEGER NOT NULL,
    round INTEGER NOT NULL,
    output BLOB NOT NULL,
    input BLOB NOT NULL,
    PRIMARY KEY (execution_id, ref, attempt)
);

CREATE TABLE ready (
    execution_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    queue TEXT NOT NULL,
    visible_at INTEGER NOT NULL,
    alarm_at INTEGER NOT NULL,
    worker TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (execution_id, ref)
) WITHOUT ROWID;

CREATE INDEX ready_by_queue ON ready (queue, visible_at, execution_id, ref)
    WHERE worker = '' AND queue <> '' AND mark = '';
CREATE INDEX ready_by_alarm ON ready (alarm_at, execution_id, ref)
    WHERE alarm_at > 0 AND mark = '';

CREATE TABLE value (
    execution_id TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution_id, name)
);

CREATE TABLE log (
    position INTEGER NOT NULL PRIMARY KEY,
    execution_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    entries BLOB NOT NULL
);

CREATE INDEX log_by_execution ON log (execution_id, position);

CREATE TABLE definition (
    hash TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE workflow (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;

CREATE TABLE task_definition (
    name TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
);
