-- A service's own record (ports/ledger.py). Times are epoch milliseconds, 0 where there is none.
-- All text is compared by code point (COLLATE "C"), as the other ledgers do.

CREATE TABLE execution (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    revision bigint NOT NULL,
    closed_at bigint
) WITH (fillfactor = 80);

CREATE INDEX execution_by_closing ON execution (closed_at, id) WHERE closed_at IS NOT NULL;

CREATE TABLE state (
    execution text COLLATE "C" NOT NULL,
    "group" text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution, "group", name)
) WITH (fillfactor = 80);

CREATE TABLE inbox (
    message text COLLATE "C" NOT NULL PRIMARY KEY,
    at bigint NOT NULL
);

CREATE INDEX inbox_by_age ON inbox (at);

CREATE TABLE todo (
    execution text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    queue text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution, name)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX todo_by_due ON todo (due, execution, name) WHERE queue = '';
CREATE INDEX todo_by_work ON todo (execution, name) WHERE queue <> '';

-- One process writes at a time, one commit after the other: the next position is one behind the last.
CREATE TABLE log (
    position bigint NOT NULL PRIMARY KEY,
    at bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    "key" text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    datacontenttype text COLLATE "C" NOT NULL,
    dataschema text COLLATE "C" NOT NULL,
    attributes text COLLATE "C" NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE aside (
    message text COLLATE "C" NOT NULL PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    execution text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    until bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    datacontenttype text COLLATE "C" NOT NULL,
    dataschema text COLLATE "C" NOT NULL,
    attributes text COLLATE "C" NOT NULL,
    data bytea NOT NULL
);

CREATE INDEX aside_by_age ON aside (at, message);
CREATE INDEX aside_by_kind ON aside (kind, at, message);
CREATE INDEX aside_by_execution ON aside (execution);

CREATE TABLE "offset" (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    position bigint NOT NULL
);

-- The last commit of each connection that wrote: see the store's table of this name.
CREATE TABLE writer (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    number bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Who serves the ledger: each that takes it has the next generation, and each commit has to have the
-- one that stands here. `beat_at` is the last sign of life.
CREATE TABLE holder (
    one boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    generation bigint NOT NULL,
    beat_at timestamptz NOT NULL
) WITH (fillfactor = 50);

INSERT INTO holder (generation, beat_at) VALUES (0, now());
