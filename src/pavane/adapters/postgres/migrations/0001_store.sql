-- The rows of record (ports/store.py). Times are epoch milliseconds, 0 where there is none.
--
-- All text is compared by code point (COLLATE "C"), as the other stores do. Ids are ordered by time,
-- so that new rows go to the end of each index. Room is left in the pages of rows that change often
-- (fillfactor), so that a change that touches no index stays on its page. What waits is a queue:
-- rows come and go, so they are vacuumed long before a fifth of the table is dead.

CREATE TABLE execution (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    workflow text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    definition text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    cause text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    failed_ref text COLLATE "C" NOT NULL,
    parent_id text COLLATE "C" NOT NULL,
    parent_ref text COLLATE "C" NOT NULL,
    "key" text COLLATE "C" NOT NULL,
    correlation_id text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    depth bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    alarm_at bigint NOT NULL,
    deadline_at bigint NOT NULL,
    seq bigint NOT NULL,
    open bigint NOT NULL,
    undoable bigint NOT NULL,
    undoable_open bigint NOT NULL,
    parked bigint NOT NULL,
    phase text COLLATE "C" NOT NULL,
    cursor text COLLATE "C" NOT NULL,
    pivot text COLLATE "C" NOT NULL,
    pivot_passed boolean NOT NULL,
    permissive_failure text COLLATE "C" NOT NULL,
    successor text COLLATE "C" NOT NULL,
    ended_by text COLLATE "C" NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX execution_by_status ON execution (status, id);
CREATE INDEX execution_by_workflow ON execution (workflow, status, id);
CREATE UNIQUE INDEX execution_by_key ON execution ("key", workflow, successor) WHERE "key" <> '';
CREATE INDEX execution_by_parent ON execution (parent_id, id) WHERE parent_id <> '';
CREATE INDEX execution_by_alarm ON execution (alarm_at, id) WHERE alarm_at > 0;

CREATE TABLE task (
    execution_id text COLLATE "C" NOT NULL,
    ref text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    worker text COLLATE "C" NOT NULL,
    service text COLLATE "C" NOT NULL,
    scheduled_at bigint NOT NULL,
    first_scheduled_at bigint NOT NULL,
    visible_at bigint NOT NULL,
    started_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    polls bigint NOT NULL,
    count bigint NOT NULL,
    failed bigint NOT NULL,
    round bigint NOT NULL,
    child_id text COLLATE "C" NOT NULL,
    undoable boolean NOT NULL,
    frontier boolean NOT NULL,
    output bytea NOT NULL,
    input bytea NOT NULL,
    branch bytea NOT NULL,
    PRIMARY KEY (execution_id, ref, attempt)
) WITH (fillfactor = 80);

CREATE TABLE ready (
    execution_id text COLLATE "C" NOT NULL,
    ref text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    queue text COLLATE "C" NOT NULL,
    visible_at bigint NOT NULL,
    alarm_at bigint NOT NULL,
    worker text COLLATE "C" NOT NULL,
    mark text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    PRIMARY KEY (execution_id, ref)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX ready_by_queue ON ready (queue, priority, visible_at, execution_id, ref)
    WHERE worker = '' AND queue <> '' AND mark = '';
CREATE INDEX ready_by_alarm ON ready (alarm_at, execution_id, ref)
    WHERE alarm_at > 0 AND mark = '';

CREATE TABLE value (
    execution_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution_id, name)
);

-- A position is made of the transaction's number and of the place in it, so that no entry of a
-- transaction that commits late comes in front of what was read (see queries.LOG_AFTER).
CREATE TABLE log (
    position bigint NOT NULL PRIMARY KEY,
    execution_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    entries bytea NOT NULL
);

CREATE INDEX log_by_execution ON log (execution_id, position);

CREATE TABLE definition (
    hash text COLLATE "C" NOT NULL PRIMARY KEY,
    created_at bigint NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE workflow (
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    definition text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE task_definition (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    body bytea NOT NULL
);

CREATE TABLE schedule (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    body bytea NOT NULL
);

CREATE TABLE pace (
    task text COLLATE "C" NOT NULL PRIMARY KEY,
    body bytea NOT NULL
);

-- Who may come in (ports/keys.py). Of a secret only its digest is here.
CREATE TABLE access_key (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    roles text COLLATE "C" NOT NULL, -- separated by commas
    digest bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

-- The last commit of each process that writes: what tells, after a lost connection, whether the
-- commit that was under way has happened, and keeps one that comes late from happening after all.
CREATE TABLE writer (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    number bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
