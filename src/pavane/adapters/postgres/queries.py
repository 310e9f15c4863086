"""Every statement of the PostgreSQL store by name, with a sentence each.

Rows come out in the order of their struct's fields. Arrays are parameters wherever many are asked
for, so that a statement is the same, and one round trip, for one row and for a thousand. What
commits write is in `routine`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pavane.core.model.rows import PAGE, Header, Ready, TaskRow
from pavane.core.model.status import EXECUTION_CHANGES
from pavane.ports.store import Search


def column(field: str, table: str = "") -> str:
    """The column of a field."""
    name = '"key"' if field == "key" else field  # so that it reads like that everywhere
    return f"{table}.{name}" if table else name


def columns(row: type[msgspec.Struct], table: str = "") -> str:
    """The columns of a table in the order of its struct."""
    return ", ".join(column(field, table) for field in row.__struct_fields__)


HEADER: Final = columns(Header)
TASK: Final = columns(TaskRow)
READY_ROW: Final = columns(Ready)

# --- load: what a decision reads ----------------------------------------------------------------

LOAD: Final = f"""
    SELECT 0 AS kind, ROW({columns(Header, "e")}) AS found
    FROM unnest($1::text[]) AS wanted (id) JOIN execution e ON e.id = wanted.id
    UNION ALL
    SELECT 1, ROW({columns(TaskRow, "t")})
    FROM unnest($2::text[], $3::text[]) AS wanted (id, ref)
    CROSS JOIN LATERAL (
        SELECT {TASK} FROM task WHERE execution_id = wanted.id AND ref = wanted.ref
        ORDER BY attempt DESC LIMIT 1) t
    UNION ALL
    SELECT 2, ROW(v.execution_id, v.name, v.body)
    FROM unnest($4::text[], $5::text[]) AS wanted (id, name)
    JOIN value v ON v.execution_id = wanted.id AND v.name = wanted.name
    UNION ALL
    SELECT 3, ROW(wanted.after, {columns(Ready, "r")})
    FROM unnest($6::text[], $7::text[]) AS wanted (id, after)
    CROSS JOIN LATERAL (
        SELECT {READY_ROW} FROM ready WHERE execution_id = wanted.id AND ref > wanted.after
        ORDER BY ref LIMIT {PAGE}) r"""
"""Headers, newest attempts, values and pages of open rows of many executions, in one state."""

FIND_KEYS: Final = """SELECT e.workflow, e."key", e.id
    FROM unnest($1::text[], $2::text[]) AS wanted (workflow, "key")
    JOIN execution e ON e."key" = wanted."key" AND e.workflow = wanted.workflow
        AND e.successor = '' AND e."key" <> ''"""
"""The executions that start keys belong to."""

FIND_REVISIONS: Final = """SELECT e.id, e.revision
    FROM unnest($1::text[]) AS wanted (id) JOIN execution e ON e.id = wanted.id"""
"""Where headers stand, when a batch has to be judged unit by unit."""

# --- the writer ---------------------------------------------------------------------------------

REGISTER: Final = "INSERT INTO writer (id, number) VALUES ($1, 0)"
"""A process begins to write."""

MOVE_WRITER: Final = """UPDATE writer SET id = $2, number = 0 WHERE id = $1 AND number = $3
    RETURNING number"""
"""After a lost connection: the commit behind this number has not happened, and cannot any more.

Waits while it is under way.
"""

FIND_WRITER: Final = "SELECT id, number FROM writer WHERE id = ANY($1::text[])"
"""The last commit of a process, by its names."""

FORGET_WRITER: Final = "DELETE FROM writer WHERE id = $1"
"""A process writes no more."""

FORGET_WRITERS: Final = "DELETE FROM writer WHERE at < now() - interval '7 days'"
"""Processes that died. One that only was silent begins anew with its next commit."""

# --- what the engine waits for ------------------------------------------------------------------

_WAITS: Final = """queue = $1 AND queue <> '' AND worker = '' AND mark = ''"""

READY: Final = f"""WITH RECURSIVE level (p) AS (
        SELECT (SELECT max(priority) FROM ready WHERE {_WAITS})
        UNION ALL SELECT (
            SELECT max(priority) FROM ready WHERE {_WAITS} AND priority < level.p)
        FROM level WHERE level.p IS NOT NULL)
    SELECT {columns(Ready, "r")} FROM level CROSS JOIN LATERAL (
        SELECT {READY_ROW} FROM ready WHERE {_WAITS} AND priority = level.p AND visible_at <= $2
        ORDER BY visible_at, execution_id, ref LIMIT $3) r
    LIMIT $3"""
"""Tasks of a queue that a worker may take now, highest priority first, then earliest.

Each level of priority that occurs is looked up in the index, the highest first, and so are its
rows, until there are enough: nothing that waits is read and sorted.
"""

DUE: Final = """SELECT * FROM (
        SELECT alarm_at, id, '' FROM execution
        WHERE alarm_at > 0 AND alarm_at <= $1 ORDER BY alarm_at, id LIMIT $2) e
    UNION ALL SELECT * FROM (
        SELECT alarm_at, execution_id, ref FROM ready
        WHERE alarm_at > 0 AND mark = '' AND alarm_at <= $1
        ORDER BY alarm_at, execution_id, ref LIMIT $2) r
    ORDER BY 1, 2, 3 LIMIT $2"""
"""Alarms of executions and of tasks at or before a time, earliest first."""

NEXT_ALARM: Final = """SELECT least(
        (SELECT min(alarm_at) FROM execution WHERE alarm_at > 0),
        (SELECT min(alarm_at) FROM ready WHERE alarm_at > 0 AND mark = ''))"""
"""The earliest alarm of all; NULL when there is none."""

LEASES: Final = f"""SELECT {READY_ROW} FROM ready
    WHERE worker <> '' AND starts_with(worker, $1) ORDER BY execution_id, ref"""
"""Tasks held by workers whose names start so. Reads every open task: for start-up."""

HELD: Final = f"""SELECT {READY_ROW} FROM ready
    WHERE queue = ANY($1::text[]) AND worker <> '' AND mark = '' ORDER BY execution_id, ref"""
"""What is leased of some queues."""

FIND_ROOM: Final = """SELECT name,
    (SELECT count(*) FROM ready WHERE queue = name AND worker <> '' AND mark = ''),
    (SELECT body FROM pace WHERE task = name)
    FROM unnest($1::text[]) AS wanted (name)"""
"""How many of some queues are leased, and when some tasks began: to judge unit by unit."""

PACES: Final = "SELECT task, body FROM pace ORDER BY task"
"""When tasks began lately; reads all of them: for start-up and for people."""

# --- definitions --------------------------------------------------------------------------------

ADD_DEFINITION: Final = """INSERT INTO definition (hash, body, created_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING"""
"""A workflow definition under its content hash."""

DEFINITION: Final = "SELECT body FROM definition WHERE hash = $1"
"""The definition with a content hash."""

PUT_WORKFLOW: Final = """INSERT INTO workflow (name, version, definition, created_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (name, version) DO UPDATE
    SET definition = excluded.definition, created_at = excluded.created_at"""
"""What a name and a version stand for."""

WORKFLOWS: Final = "SELECT name, version, definition, created_at FROM workflow ORDER BY 1, 2"
"""All registered workflows."""

PUT_TASK_DEFINITIONS: Final = """INSERT INTO task_definition (name, body)
    SELECT * FROM unnest($1::text[], $2::bytea[])
    ON CONFLICT (name) DO UPDATE SET body = excluded.body"""
"""Task definitions."""

TASK_DEFINITIONS: Final = "SELECT name, body FROM task_definition ORDER BY name"
"""All task definitions."""

PUT_SCHEDULE: Final = """INSERT INTO schedule (name, body) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET body = excluded.body"""
"""A schedule."""

REMOVE_SCHEDULE: Final = "DELETE FROM schedule WHERE name = $1 RETURNING 1"
"""A schedule that is no more."""

SCHEDULES: Final = "SELECT name, body FROM schedule ORDER BY name"
"""All schedules."""

# --- keys ---------------------------------------------------------------------------------------

KEYS: Final = "SELECT id, name, roles, digest, created_at, expires_at FROM access_key ORDER BY id"
"""Every key, by id."""

ADD_KEY: Final = """INSERT INTO access_key (id, name, roles, digest, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1"""
"""A key, unless its id or its name is taken."""

REMOVE_KEY: Final = "DELETE FROM access_key WHERE id = $1 RETURNING 1"
"""One key less."""

# --- members ------------------------------------------------------------------------------------

_LATER: Final = "clock_timestamp() + $3 * interval '1 millisecond'"

BEAT: Final = f"""WITH beats AS (SELECT * FROM unnest($1::text[], $2::bytea[]) AS b (name, said)),
    known AS (
        SELECT m.name FROM member m JOIN beats b ON b.name = m.name
        WHERE m.until > clock_timestamp()),
    put AS (
        INSERT INTO member AS m (name, until, said) SELECT name, {_LATER}, said FROM beats
        ON CONFLICT (name) DO UPDATE SET until = excluded.until, said = excluded.said
        RETURNING m.name)
    SELECT name FROM put WHERE name NOT IN (SELECT name FROM known)"""
"""Members that are alive for so many milliseconds more; those that were not before."""

LEAVE: Final = "DELETE FROM member WHERE name = ANY($1::text[])"
"""Members that have left."""

ALIVE: Final = "SELECT name, said FROM member WHERE until > clock_timestamp() ORDER BY name"
"""Members whose lease is running; their table is small."""

LAPSED: Final = "SELECT name FROM member WHERE until <= clock_timestamp() ORDER BY name"
"""Members whose lease has run out."""

BURY: Final = "DELETE FROM member WHERE name = ANY($1::text[]) AND until <= clock_timestamp()"
"""Members to whose things somebody has seen."""

HOLD: Final = f"""INSERT INTO duty AS d (name, holder, until)
    SELECT name, $2, {_LATER} FROM unnest($1::text[]) AS wanted (name)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE d.holder = excluded.holder OR d.until <= clock_timestamp()
    RETURNING d.name"""
"""Duties that are free, or are ours."""

LET_GO: Final = "DELETE FROM duty WHERE holder = $1"
"""All duties of one holder."""

MARK: Final = "SELECT n FROM mark"
"""How often something was put that members keep in memory."""

TELL: Final = "SELECT pg_notify($1, $2)"
"""Words to all who listen."""

ARE_YOU_THERE: Final = "SELECT 1"
"""Nothing was heard for long."""

# --- views: for people --------------------------------------------------------------------------

BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"
"""From here on the transaction sees one state: a first read takes it."""

END_READING: Final = "ROLLBACK"
"""The transaction has written nothing: how it ends is all the same."""

HEADER_OF: Final = f"SELECT {HEADER} FROM execution WHERE id = $1"
"""The header of one execution."""

TASKS: Final = f"SELECT {TASK} FROM task WHERE execution_id = $1 ORDER BY seq, ref, attempt"
"""Every attempt of every step of one execution."""

VALUE: Final = "SELECT body FROM value WHERE execution_id = $1 AND name = $2"
"""One named value."""

VALUES: Final = "SELECT name, body FROM value WHERE execution_id = $1 ORDER BY name"
"""All values of one execution."""

READY_OF: Final = f"SELECT {READY_ROW} FROM ready WHERE execution_id = $1 ORDER BY ref"
"""All ready rows of one execution."""

COUNTS: Final = """SELECT workflow, status, count(*) FROM execution
    GROUP BY workflow, status ORDER BY 1, 2"""
"""Executions by workflow and status; reads a whole index."""

QUEUES: Final = """SELECT queue, count(*) FROM ready
    WHERE queue <> '' AND worker = '' AND mark = '' GROUP BY queue ORDER BY 1"""
"""How many tasks wait for a worker, by queue."""

RUNNING: Final = """SELECT queue, count(*) FROM ready
    WHERE worker <> '' AND mark = '' GROUP BY queue ORDER BY 1"""
"""How many tasks workers have, by queue. Cost grows with these."""

# --- the log ------------------------------------------------------------------------------------

PLACES: Final = 20
"""So many bits of a position say where in its transaction an entry stands; the others, which."""

LOG_OF: Final = """SELECT position, execution_id, at, entries FROM log
    WHERE execution_id = $1 ORDER BY position"""
"""The log of one execution."""

LOG_AFTER: Final = """SELECT position, execution_id, at, entries FROM log
    WHERE position > $1 AND position < $2 ORDER BY position LIMIT $3"""
"""The log of all executions behind a position and in front of what may still come."""

LOG_BASE: Final = """SELECT
    (SELECT value::bigint FROM meta WHERE name = 'log:base'),
    greatest(
        (SELECT max(position) FROM log),
        (SELECT value::bigint FROM meta WHERE name = 'log:swept')),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint"""
"""What is added to a transaction's number, the last position, and the number of the next one."""

RAISE_LOG_BASE: Final = """UPDATE meta SET value = greatest(value::bigint, $1)::text
    WHERE name = 'log:base' RETURNING value::bigint"""
"""The database was restored elsewhere, where transactions are counted anew."""

IN_PROGRESS: Final = """SELECT
    (SELECT value::bigint FROM meta WHERE name = 'log:base'),
    ARRAY(SELECT x::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x)"""
"""What is added to a transaction's number, and the transactions that a snapshot does not see."""

WRITING: Final = """SELECT t.transactionid::text::bigint
    FROM pg_locks w JOIN pg_locks t USING (virtualtransaction)
    WHERE w.locktype = 'relation' AND w.mode = 'RowExclusiveLock' AND w.granted
        AND w.relation = 'writer'::regclass
        AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' AND t.granted"""
"""The transactions that write executions now, by the lower half of their numbers.

Each locks the table `writer` before it gets its number: it is here from then on until its end.
"""

HAVE_LOGGED: Final = f"""SELECT x FROM unnest($1::bigint[]) AS x WHERE EXISTS (
        SELECT 1 FROM log
        WHERE position >= (x + $2) << {PLACES} AND position < (x + $2 + 1) << {PLACES})"""
"""Which of these transactions have committed entries."""


def search(wanted: Search) -> tuple[str, tuple[object, ...]]:
    """The statement and its parameters for a search, newest first.

    Each status is walked backwards in its own index and the walks are merged, so that the cost
    depends on the limit, not on how many executions are stored.
    """
    filters: list[str] = []
    values: list[object] = []

    def add(clause: str, value: object) -> None:
        values.append(value)
        filters.append(f"{clause} ${len(values)}")

    if wanted.before:
        add("id <", wanted.before)
    if wanted.key:
        add('"key" <> \'\' AND "key" =', wanted.key)
    if wanted.parent_id:
        add("parent_id <> '' AND parent_id =", wanted.parent_id)
    elif wanted.parent_id is not None:
        filters.append("parent_id = ''")
    if wanted.workflow:
        add("workflow =", wanted.workflow)
    values.append(wanted.limit)
    tail = f"ORDER BY id DESC LIMIT ${len(values)}"
    statuses = tuple(dict.fromkeys(wanted.statuses))
    if wanted.workflow and not statuses and not (wanted.key or wanted.parent_id):
        statuses = tuple(EXECUTION_CHANGES)
    if not statuses:
        where = f"WHERE {' AND '.join(filters)}" if filters else ""
        return f"SELECT {HEADER} FROM execution {where} {tail}", tuple(values)
    walks: list[str] = []
    for status in statuses:
        values.append(status)
        where = " AND ".join([*filters, f"status = ${len(values)}"])
        walks.append(f"(SELECT id FROM execution WHERE {where} {tail})")
    ids = " UNION ALL ".join(walks)
    return f"SELECT {HEADER} FROM execution WHERE id IN ({ids}) {tail}", tuple(values)


HOT: Final[dict[str, str]] = {
    name: globals()[name]
    for name in (
        "LOAD",
        "FIND_KEYS",
        "FIND_REVISIONS",
        "MOVE_WRITER",
        "FIND_WRITER",
        "READY",
        "HELD",
        "FIND_ROOM",
        "DUE",
        "NEXT_ALARM",
        "DEFINITION",
        "LOG_AFTER",
        "HAVE_LOGGED",
    )
}
"""What the engine runs for each step, by name: their plans must not scan."""
