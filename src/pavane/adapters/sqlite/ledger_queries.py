"""Every statement of the SQLite ledger by name, with a sentence each."""

from __future__ import annotations

from typing import Final

from pavane.core.model.event import CloudEvent

_EVENT: Final = ",".join(CloudEvent.__struct_fields__)
_RECORD: Final = f'topic,"key",{_EVENT}'
_ASIDE: Final = f"message,kind,execution,reason,at,until,{_EVENT}"
_TODO: Final = "execution, name, due, queue, body"

# --- load: what a turn reads --------------------------------------------------------------------

LOAD_REVISION: Final = "SELECT id, revision FROM execution WHERE id = ?"
"""How often an execution was written."""

LOAD_ROW: Final = """SELECT execution, "group", name, body FROM state
    WHERE execution = ? AND "group" = ? AND name = ?"""
"""One row of an execution."""

LOAD_GROUP: Final = """SELECT execution, "group", name, body FROM state
    WHERE execution = ? AND "group" = ?"""
"""All rows of one group of an execution."""

SEEN: Final = "SELECT message FROM inbox WHERE message = ?"
"""Whether a message was handled."""

# --- commit: what a transaction writes ----------------------------------------------------------

ADD_MESSAGE: Final = "INSERT INTO inbox(message,at)VALUES(?,?)"
"""A message that is handled; fails when it was before."""

ADD_EXECUTION: Final = "INSERT INTO execution(id,closed_at,revision)VALUES(?,?,1)"
"""An execution's first entry; fails when there was one."""

MOVE_EXECUTION: Final = """UPDATE execution SET revision=revision+1,
    closed_at=nullif(ifnull(?2,closed_at),-1) WHERE id=?1 AND revision=?3"""
"""A later entry, if nobody else wrote since. Without a time it stays closed, or open, as it is;

-1 in its place opens it again."""


PUT_ROW: Final = 'REPLACE INTO state(execution,"group",name,body)VALUES(?,?,?,?)'
"""A row, new or whole."""

DROP_ROW: Final = 'DELETE FROM state WHERE execution=? AND "group"=? AND name=?'
"""A row that is gone."""

DROP_TODO: Final = "DELETE FROM todo WHERE execution=? AND name=?"
"""A todo that is done."""

PUT_TODO: Final = "REPLACE INTO todo(execution,name,due,queue,body)VALUES(?,?,?,?,?)"
"""A todo, new or anew."""

TAKE_ASIDE: Final = "DELETE FROM aside WHERE message=?"
"""What was set aside and is taken back."""

PUT_ASIDE: Final = f"REPLACE INTO aside({_ASIDE})VALUES({','.join('?' * 15)})"
"""A message that is set aside."""

APPEND: Final = f"INSERT INTO log(at,{_RECORD})VALUES({','.join('?' * 12)})"
"""A record; its position is the next one."""

PUT_OFFSET: Final = 'REPLACE INTO "offset"(name,position)VALUES(?,?)'
"""How far somebody has come."""

FIND_ASIDE: Final = "SELECT message FROM aside WHERE message = ?"
"""Whether something is set aside, when a batch has to be judged entry by entry."""

# --- what is waited for -------------------------------------------------------------------------

LOG_AFTER: Final = f"""SELECT position,{_RECORD} FROM log
    WHERE position > ? ORDER BY position LIMIT ?"""
"""The log behind a position."""

DUE: Final = f"""SELECT {_TODO} FROM todo INDEXED BY todo_by_due
    WHERE queue = '' AND due <= ? ORDER BY due, execution, name LIMIT ?"""
"""Timers at or before a time, earliest first."""

NEXT_DUE: Final = "SELECT min(due) FROM todo INDEXED BY todo_by_due WHERE queue = ''"
"""The earliest timer of all."""

WORK: Final = f"""SELECT {_TODO} FROM todo INDEXED BY todo_by_work
    WHERE queue <> '' AND (execution, name) > (?, ?) ORDER BY execution, name LIMIT ?"""
"""Work for queues, behind the given one."""

ASIDE: Final = f"SELECT {_ASIDE} FROM aside INDEXED BY aside_by_age ORDER BY at, message LIMIT ?"
"""What is set aside, oldest first."""

ASIDE_OF_KIND: Final = f"""SELECT {_ASIDE} FROM aside INDEXED BY aside_by_kind
    WHERE kind = ? ORDER BY at, message LIMIT ?"""
"""What is set aside of one kind, oldest first."""

OFFSETS: Final = 'SELECT name, position FROM "offset"'
"""How far everybody has come, as of the last commit; for start-up."""

# --- results of tasks ---------------------------------------------------------------------------

FIND_RESULT: Final = "SELECT key, output, at FROM pavane_result WHERE key = ?"
"""What became of a step."""

PUT_RESULT: Final = """INSERT INTO pavane_result(key,output,at)VALUES(?,?,?)
    ON CONFLICT(key) DO UPDATE SET output=excluded.output,at=excluded.at
    WHERE output IS NULL AND excluded.output IS NOT NULL"""
"""A result; what was there stays, unless it said only that something had begun."""

KNOWN_SINCE: Final = "SELECT value FROM meta WHERE name = 'results'"
"""From when on no result is missing."""

PUT_KNOWN_SINCE: Final = """INSERT INTO meta(name,value)VALUES('results',?)
    ON CONFLICT(name) DO UPDATE SET value=excluded.value
    WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)"""
"""Results from before a time are about to go."""

OLD_RESULT: Final = """SELECT 1 FROM pavane_result INDEXED BY pavane_result_by_age
    WHERE at < ? LIMIT 1"""
"""Whether there is a result from before a time."""

# --- pruning ------------------------------------------------------------------------------------

PRUNE_INBOX: Final = """DELETE FROM inbox WHERE message IN (
    SELECT message FROM inbox INDEXED BY inbox_by_age WHERE at < ? ORDER BY at LIMIT ?)"""
"""The oldest message ids from before a time."""

PRUNE_RESULTS: Final = """DELETE FROM pavane_result WHERE key IN (
    SELECT key FROM pavane_result INDEXED BY pavane_result_by_age
    WHERE at < ? ORDER BY at LIMIT ?)"""
"""The oldest results from before a time."""

CLOSED: Final = """SELECT closed_at, id FROM execution INDEXED BY execution_by_closing
    WHERE closed_at IS NOT NULL AND closed_at < ?1 AND (closed_at, id) > (?2, ?3)
    AND id NOT IN (SELECT execution FROM aside) ORDER BY closed_at, id LIMIT ?4"""
"""Executions that were closed before a time, and of which nothing is set aside."""

DROP_EXECUTION: Final = "DELETE FROM execution WHERE id = ?"
"""An execution that is forgotten."""

DROP_ROWS: Final = "DELETE FROM state WHERE execution = ?"
"""All rows of an execution that is forgotten."""

DROP_TODOS: Final = "DELETE FROM todo WHERE execution = ?"
"""All todos of an execution that is forgotten."""

PRUNE_LOG: Final = """DELETE FROM log WHERE position IN (
    SELECT position FROM log WHERE position <= ?1 AND at < ?2
    AND position < (SELECT max(position) FROM log) ORDER BY position LIMIT ?3)"""
"""The oldest records, never the newest: positions go on from it."""

# --- for readers beside the ledger --------------------------------------------------------------

HEAD: Final = "SELECT max(position) FROM log"
"""The newest position."""

RECORDS_OF_TOPIC: Final = f"""SELECT position,{_RECORD} FROM log
    WHERE position > ?1 AND position <= ?2 AND topic = ?3 ORDER BY position LIMIT ?4"""
"""What is on a topic, between two positions."""

LOG_ID: Final = "SELECT value FROM meta WHERE name = 'log'"
"""What tells this log from any other."""

WRITTEN_AT: Final = """SELECT at FROM log
    WHERE position > ? AND topic = ? ORDER BY position LIMIT 1"""
"""When the first record of a topic behind a position was written."""

PUBLISHED: Final = """SELECT type, source, count(*), min(at), max(at) FROM log
    WHERE substr(topic, 1, length(?1)) <> ?1 GROUP BY type, source"""
"""What the log has of events, on topics that do not begin so; for people, as it reads all of it."""

BEHIND: Final = "SELECT count(*) FROM log WHERE topic = ? AND position > ?"
"""What a group has not done of a topic; for people, as it reads all that is behind."""

TABLES: Final = "SELECT 1 FROM sqlite_schema WHERE name IN ('meta', 'inbox')"
"""Two rows where the file is a ledger, less while it is being made."""

_COLD: Final = frozenset({"BEHIND", "CLOSED", "OFFSETS", "PUBLISHED", "TABLES"})
"""What is asked for now and then: it may read a whole table, of what is set aside for instance."""

HOT: Final[dict[str, str]] = {
    name: value
    for name, value in dict(globals()).items()
    if name.isupper() and not name.startswith("_") and name not in _COLD
}
"""What a service runs for each message, by name: their plans must not scan."""
