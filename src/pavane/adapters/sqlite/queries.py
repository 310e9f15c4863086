"""Every statement of the SQLite store by name, with a sentence each.

Rows go in and out in the order of their struct's fields: parameter ?N is the Nth field, so that
`msgspec.structs.astuple` binds a row without another line of Python.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pavane.core.model.rows import PAGE, Header, Ready, TaskRow
from pavane.core.model.status import EXECUTION_CHANGES
from pavane.ports.store import Search


# apsw looks a statement up by its text for every row that it binds, at some instructions for each
# character: those that write have no character too many.
def _columns(row: type[msgspec.Struct]) -> str:
    return ",".join(map(_column, row.__struct_fields__))


def _column(field: str) -> str:
    return '"key"' if field == "key" else field  # the only one that is a word of SQL


def _insert(verb: str, table: str, row: type[msgspec.Struct]) -> str:
    places = ",".join("?" for _ in row.__struct_fields__)
    return f"{verb} INTO {table}({_columns(row)})VALUES({places})"


def _set(row: type[msgspec.Struct], fixed: frozenset[str]) -> str:
    fields = enumerate(row.__struct_fields__, 1)
    return ",".join(f"{_column(field)}=?{n}" for n, field in fields if field not in fixed)


_HEADER: Final = _columns(Header)
_TASK: Final = _columns(TaskRow)
_READY: Final = _columns(Ready)
_STATUS, _REVISION, _ALARM = (
    Header.__struct_fields__.index(field) + 1 for field in ("status", "revision", "alarm_at")
)
# What identifies an execution or an attempt, and what was fixed at its beginning.
_HEADER_FIXED: Final = frozenset(
    {"id", "workflow", "parent_id", "parent_ref", "key", "correlation_id", "depth", "created_at"}
    | {"successor"}  # has a statement of its own, as it is in an index and hardly ever set
)
_HEADER_INDEXED: Final = frozenset({"status", "alarm_at"})
_TASK_FIXED: Final = frozenset(
    {
        "execution_id",
        "ref",
        "attempt",
        "type",
        "name",
        "seq",
        "input",
        "first_scheduled_at",
        "branch",
    }
)

# --- load: what a decision reads ----------------------------------------------------------------

LOAD_HEADER: Final = f"SELECT {_HEADER} FROM execution WHERE id = ?"
"""The header of one execution."""

LOAD_TASK: Final = f"""SELECT {_TASK} FROM task WHERE execution_id = ? AND ref = ?
    ORDER BY attempt DESC LIMIT 1"""
"""The newest attempt at one step."""

LOAD_VALUE: Final = "SELECT execution_id, name, body FROM value WHERE execution_id = ? AND name = ?"
"""One named value."""

LOAD_PAGE: Final = f"""SELECT ?2, {_READY} FROM ready WHERE execution_id = ?1 AND ref > ?2
    ORDER BY ref LIMIT {PAGE}"""
"""The next ready rows of one execution, each behind the ref that was asked for."""

FIND_KEY: Final = """SELECT workflow, "key", id FROM execution
    WHERE workflow = ?1 AND "key" = ?2 AND "key" <> '' AND successor = ''"""
"""The execution that a start key belongs to."""

# --- commit: what a transaction writes ----------------------------------------------------------

INSERT_HEADER: Final = _insert("INSERT", "execution", Header)
"""A new execution; fails when its id or start key is taken."""

UPDATE_HEADER: Final = (
    f"UPDATE execution SET {_set(Header, _HEADER_FIXED)} WHERE id=?1 AND revision=?{_REVISION}-1"
)
"""A header, if nobody else wrote since."""

UPDATE_STEADY_HEADER: Final = (
    f"UPDATE execution SET {_set(Header, _HEADER_FIXED | _HEADER_INDEXED)} "
    f"WHERE id=?1 AND revision=?{_REVISION}-1 AND status=?{_STATUS} AND alarm_at=?{_ALARM}"
)
"""The same where status and alarm stay as they are, which spares the indexes."""

GIVE_KEY: Final = "UPDATE execution SET successor=?2 WHERE id=?1"
"""The start key of an ended execution goes to its successor."""

PUT_TASK: Final = _insert("REPLACE", "task", TaskRow)
"""An attempt, new or whole."""

UPDATE_TASK: Final = (
    f"UPDATE task SET {_set(TaskRow, _TASK_FIXED)} WHERE execution_id=?1 AND ref=?2 AND attempt=?3"
)
"""What changes of an attempt; its input is not written again."""

ADD_TASK: Final = _insert("INSERT OR IGNORE", "task", TaskRow)
"""An attempt, unless it is there."""

PUT_VALUE: Final = "REPLACE INTO value (execution_id, name, body) VALUES (?, ?, ?)"
"""A named value."""

PUT_READY: Final = _insert("REPLACE", "ready", Ready)
"""The ready row of an open task, or its mark."""

DELETE_READY: Final = "DELETE FROM ready WHERE execution_id = ? AND ref = ?"
"""The ready row of a task that has settled."""

PUT_PACE: Final = "REPLACE INTO pace (task, body) VALUES (?, ?)"
"""When a task began lately."""

APPEND_LOG: Final = "INSERT INTO log (execution_id, at, entries) VALUES (?, ?, ?)"
"""The entries of one commit for one execution; the position is the next one."""

FIND_REVISION: Final = "SELECT id, revision FROM execution WHERE id = ?"
"""Where a header stands, when a batch has to be judged unit by unit."""

# --- what the engine waits for ------------------------------------------------------------------

_WAITS: Final = """queue = ?1 AND queue <> '' AND worker = '' AND mark = ''"""

READY: Final = f"""WITH RECURSIVE level (p) AS (
        SELECT max(priority) FROM ready INDEXED BY ready_by_queue WHERE {_WAITS}
        UNION ALL SELECT (
            SELECT max(priority) FROM ready INDEXED BY ready_by_queue
            WHERE {_WAITS} AND priority < p)
        FROM level WHERE p IS NOT NULL)
    SELECT {_READY} FROM level CROSS JOIN ready INDEXED BY ready_by_queue
    WHERE {_WAITS} AND priority = p AND visible_at <= ?2 LIMIT ?3"""
"""Tasks of a queue that a worker may take now, highest priority first, then earliest.

There is no ORDER BY, which would read and sort all that waits: each level of priority that occurs
is looked up in the index, the highest first, and so are its rows, until there are enough.
"""

DUE: Final = """SELECT * FROM (
        SELECT alarm_at, id, '' FROM execution INDEXED BY execution_by_alarm
        WHERE alarm_at > 0 AND alarm_at <= ?1 ORDER BY alarm_at, id LIMIT ?2)
    UNION ALL SELECT * FROM (
        SELECT alarm_at, execution_id, ref FROM ready INDEXED BY ready_by_alarm
        WHERE alarm_at > 0 AND mark = '' AND alarm_at <= ?1
        ORDER BY alarm_at, execution_id, ref LIMIT ?2)
    ORDER BY 1, 2, 3 LIMIT ?2"""
"""Alarms of executions and of tasks at or before a time, earliest first."""

NEXT_ALARM: Final = """SELECT min(at) FROM (
        SELECT min(alarm_at) AS at FROM execution INDEXED BY execution_by_alarm WHERE alarm_at > 0
        UNION ALL
        SELECT min(alarm_at) FROM ready INDEXED BY ready_by_alarm
        WHERE alarm_at > 0 AND mark = '')"""
"""The earliest alarm of all."""

LEASES: Final = f"""SELECT {_READY} FROM ready
    WHERE worker >= ?1 AND worker <> '' AND substr(worker, 1, length(?1)) = ?1
    ORDER BY execution_id, ref"""
"""Tasks held by workers whose names start so. Reads every open task: for start-up."""

_HELD: Final = "ready INDEXED BY ready_held WHERE queue = ? AND worker <> '' AND mark = ''"

COUNT_HELD: Final = f"SELECT count(*) FROM {_HELD}"
"""How many of a queue are leased."""

HELD: Final = f"SELECT {_READY} FROM {_HELD}"
"""What is leased of a queue."""

FIND_PACE: Final = "SELECT task, body FROM pace WHERE task = ?"
"""When a task began lately."""

PACES: Final = "SELECT task, body FROM pace ORDER BY task"
"""When tasks began lately; reads all of them: for start-up and for people."""

# --- definitions --------------------------------------------------------------------------------

ADD_DEFINITION: Final = "INSERT OR IGNORE INTO definition (hash, body, created_at) VALUES (?, ?, ?)"
"""A workflow definition under its content hash."""

DEFINITION: Final = "SELECT body FROM definition WHERE hash = ?"
"""The definition with a content hash."""

PUT_WORKFLOW: Final = (
    "REPLACE INTO workflow (name, version, definition, created_at) VALUES (?, ?, ?, ?)"
)
"""What a name and a version stand for."""

WORKFLOWS: Final = "SELECT name, version, definition, created_at FROM workflow ORDER BY 1, 2"
"""All registered workflows."""

PUT_TASK_DEFINITION: Final = "REPLACE INTO task_definition (name, body) VALUES (?, ?)"
"""A task definition."""

TASK_DEFINITIONS: Final = "SELECT name, body FROM task_definition ORDER BY name"
"""All task definitions."""

PUT_SCHEDULE: Final = "REPLACE INTO schedule (name, body) VALUES (?, ?)"
"""A schedule."""

REMOVE_SCHEDULE: Final = "DELETE FROM schedule WHERE name = ?"
"""A schedule that is no more."""

SCHEDULES: Final = "SELECT name, body FROM schedule ORDER BY name"
"""All schedules."""

# --- views: for people --------------------------------------------------------------------------

TASKS: Final = f"SELECT {_TASK} FROM task WHERE execution_id = ? ORDER BY seq, ref, attempt"
"""Every attempt of every step of one execution."""

VALUES: Final = "SELECT name, body FROM value WHERE execution_id = ? ORDER BY name"
"""All values of one execution."""

READY_OF: Final = f"SELECT {_READY} FROM ready WHERE execution_id = ? ORDER BY ref"
"""All ready rows of one execution."""

COUNTS: Final = """SELECT workflow, status, count(*) FROM execution INDEXED BY execution_by_workflow
    GROUP BY workflow, status"""
"""Executions by workflow and status; reads a whole index."""

LOG_OF: Final = """SELECT position, execution_id, at, entries FROM log INDEXED BY log_by_execution
    WHERE execution_id = ? ORDER BY position"""
"""The log of one execution."""

LOG_AFTER: Final = """SELECT position, execution_id, at, entries FROM log
    WHERE position > ? AND execution_id <> '' ORDER BY position LIMIT ?"""
"""The log of all executions behind a position."""

QUEUES: Final = """SELECT queue, count(*) FROM ready INDEXED BY ready_by_queue
    WHERE queue <> '' AND worker = '' AND mark = '' GROUP BY queue"""
"""How many tasks wait for a worker, by queue."""

RUNNING: Final = """SELECT queue, count(*) FROM ready INDEXED BY ready_held
    WHERE worker <> '' AND mark = '' GROUP BY queue"""
"""How many tasks workers have, by queue. Cost grows with these."""

PIN: Final = "SELECT 1 FROM meta LIMIT 1"
"""A first read: from here on the transaction sees one state."""


def search(wanted: Search) -> tuple[str, tuple[object, ...]]:
    """The statement and its parameters for a search, newest first.

    Each status is walked backwards in its own index and the walks are merged, so that the cost
    depends on the limit, not on how many executions are stored.
    """
    filters: list[str] = []
    values: list[object] = []

    def add(clause: str, value: object) -> None:
        values.append(value)
        filters.append(f"{clause} ?{len(values)}")

    if wanted.before:
        add("id <", wanted.before)
    if wanted.key:
        add('"key" <> \'\' AND "key" =', wanted.key)
    if wanted.parent_id is not None:
        add(
            "parent_id <> '' AND parent_id =" if wanted.parent_id else "parent_id =",
            wanted.parent_id,
        )
    if wanted.workflow:
        add("workflow =", wanted.workflow)
    values.append(wanted.limit)
    tail = f"ORDER BY id DESC LIMIT ?{len(values)}"
    statuses = tuple(dict.fromkeys(wanted.statuses))
    narrow = wanted.key or wanted.parent_id
    if wanted.workflow and not statuses and not narrow:
        statuses = tuple(EXECUTION_CHANGES)
    if not statuses:
        where = f"WHERE {' AND '.join(filters)}" if filters else ""
        return f"SELECT {_HEADER} FROM execution {where} {tail}", tuple(values)
    index = "execution_by_workflow" if wanted.workflow else "execution_by_status"
    hint = "" if narrow else f"INDEXED BY {index}"
    walks: list[str] = []
    for status in statuses:
        values.append(status)
        where = " AND ".join([*filters, f"status = ?{len(values)}"])
        walks.append(f"SELECT id FROM (SELECT id FROM execution {hint} WHERE {where} {tail})")
    ids = " UNION ALL ".join(walks)
    return f"SELECT {_HEADER} FROM execution WHERE id IN ({ids}) {tail}", tuple(values)


HOT: Final[dict[str, str]] = {
    name: value
    for name, value in globals().items()
    if name
    in {
        "LOAD_HEADER",
        "LOAD_TASK",
        "LOAD_VALUE",
        "LOAD_PAGE",
        "FIND_KEY",
        "INSERT_HEADER",
        "UPDATE_HEADER",
        "UPDATE_STEADY_HEADER",
        "GIVE_KEY",
        "PUT_TASK",
        "UPDATE_TASK",
        "ADD_TASK",
        "PUT_VALUE",
        "PUT_READY",
        "DELETE_READY",
        "PUT_PACE",
        "FIND_PACE",
        "COUNT_HELD",
        "HELD",
        "APPEND_LOG",
        "FIND_REVISION",
        "READY",
        "DUE",
        "NEXT_ALARM",
        "DEFINITION",
    }
}
"""What the engine runs for each step, by name: their plans must not scan."""
