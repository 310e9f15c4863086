"""Every statement of the PostgreSQL ledger by name, with a sentence each.

What commits write is in `ledger_routine`.
"""

from __future__ import annotations

from typing import Final

from pavane.core.model.event import CloudEvent

_EVENT: Final = ", ".join(CloudEvent.__struct_fields__)
RECORD: Final = f'topic, "key", {_EVENT}'
ASIDE_ROW: Final = f"message, kind, execution, reason, at, until, {_EVENT}"
TODO_ROW: Final = "execution, name, due, queue, body"

# --- load: what a turn reads --------------------------------------------------------------------

LOAD: Final = """
    SELECT 0 AS kind, ROW(e.id, e.revision) AS found
    FROM unnest($1::text[]) AS wanted (id) JOIN execution e ON e.id = wanted.id
    UNION ALL
    SELECT 1, ROW(s.execution, s."group", s.name, s.body)
    FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (execution, "group", name)
    JOIN state s ON s.execution = wanted.execution AND s."group" = wanted."group"
        AND s.name = wanted.name
    UNION ALL
    SELECT 1, ROW(s.execution, s."group", s.name, s.body)
    FROM unnest($5::text[], $6::text[]) AS wanted (execution, "group")
    JOIN state s ON s.execution = wanted.execution AND s."group" = wanted."group\""""
"""Revisions, rows and whole groups of many executions, in one state."""

SEEN: Final = """SELECT i.message FROM unnest($1::text[]) AS wanted (message)
    JOIN inbox i ON i.message = wanted.message"""
"""Which messages were handled."""

JUDGE: Final = """SELECT
    ARRAY(SELECT ROW(e.id, e.revision) FROM unnest($1::text[]) AS wanted (id)
        JOIN execution e ON e.id = wanted.id),
    ARRAY(SELECT a.message FROM unnest($2::text[]) AS wanted (message)
        JOIN aside a ON a.message = wanted.message)"""
"""Where executions stand and what is set aside, when a batch has to be judged entry by entry."""

# --- what is waited for -------------------------------------------------------------------------

LOG_AFTER: Final = f"""SELECT position, {RECORD} FROM log
    WHERE position > $1 ORDER BY position LIMIT $2"""
"""The log behind a position."""

DUE: Final = f"""SELECT {TODO_ROW} FROM todo
    WHERE queue = '' AND due <= $1 ORDER BY due, execution, name LIMIT $2"""
"""Timers at or before a time, earliest first."""

NEXT_DUE: Final = "SELECT min(due) FROM todo WHERE queue = ''"
"""The earliest timer of all."""

WORK: Final = f"""SELECT {TODO_ROW} FROM todo
    WHERE queue <> '' AND (execution, name) > ($1, $2) ORDER BY execution, name LIMIT $3"""
"""Work for queues, behind the given one."""

ASIDE: Final = f"SELECT {ASIDE_ROW} FROM aside ORDER BY at, message LIMIT $1"
"""What is set aside, oldest first."""

ASIDE_OF_KIND: Final = f"""SELECT {ASIDE_ROW} FROM aside
    WHERE kind = $1 ORDER BY at, message LIMIT $2"""
"""What is set aside of one kind, oldest first."""

OFFSETS: Final = 'SELECT name, position FROM "offset"'
"""How far everybody has come, as of the last commit; for start-up."""

# --- pruning ------------------------------------------------------------------------------------

_HELD: Final = "EXISTS (SELECT 1 FROM holder WHERE generation = {place})"

PRUNE_INBOX: Final = f"""DELETE FROM inbox WHERE message IN (
        SELECT message FROM inbox WHERE at < $1 ORDER BY at LIMIT $2)
    AND {_HELD.format(place="$3")} RETURNING 1"""
"""The oldest message ids from before a time, while this process serves the ledger."""

CLOSED: Final = """SELECT closed_at, id FROM execution e
    WHERE closed_at IS NOT NULL AND closed_at < $1 AND (closed_at, id) > ($2, $3)
    AND NOT EXISTS (SELECT 1 FROM aside a WHERE a.execution = e.id)
    ORDER BY closed_at, id LIMIT $4"""
"""Executions that were closed before a time, and of which nothing is set aside."""

PRUNE_EXECUTIONS: Final = f"""WITH over AS ({CLOSED}),
        rows AS (DELETE FROM state USING over WHERE execution = over.id),
        todos AS (DELETE FROM todo USING over WHERE execution = over.id)
    DELETE FROM execution USING over
    WHERE execution.id = over.id AND {_HELD.format(place="$5")} RETURNING 1"""
"""Those, with all that belongs to them. Nobody may write meanwhile."""

PRUNE_LOG: Final = f"""DELETE FROM log WHERE position IN (
        SELECT position FROM log WHERE position <= $1 AND at < $2
        AND position < (SELECT max(position) FROM log) ORDER BY position LIMIT $3)
    AND {_HELD.format(place="$4")} RETURNING 1"""
"""The oldest records, never the newest: positions go on from it."""

# --- who serves it ------------------------------------------------------------------------------

LOCK: Final = "SELECT pg_try_advisory_lock($1, $2)"
"""Whether nobody has the ledger open; it is free when the session that has it ends."""

TAKE: Final = """UPDATE holder SET generation = generation + 1, beat_at = now()
    RETURNING generation"""
"""Serve it from now on. Waits for a commit under way; no other is made by whoever served it."""

PUT_OUT: Final = """UPDATE holder SET generation = generation + 1, beat_at = now()
    WHERE beat_at < now() - $1 * interval '1 second' RETURNING generation"""
"""The same, if whoever serves it has given no sign of life for so long."""

BEAT: Final = "UPDATE holder SET beat_at = now() WHERE generation = $1 RETURNING 1"
"""A sign of life; nothing where another process serves the ledger."""

GENERATION: Final = "SELECT generation FROM holder"
"""Who serves it."""

END_SESSIONS: Final = """SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = $1 AND objid::bigint = $2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND ($3 = 0 OR pid = $3)"""
"""End the session that has the ledger open: any, or the one of this process of the server."""

HOT: Final[dict[str, str]] = {
    name: globals()[name]
    for name in ("LOAD", "SEEN", "LOG_AFTER", "DUE", "NEXT_DUE", "WORK", "ASIDE", "ASIDE_OF_KIND")
}
"""What a service runs for each message, by name: their plans must not scan."""
