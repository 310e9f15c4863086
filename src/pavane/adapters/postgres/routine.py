"""What a commit does in the server: one function, so that a batch of any size is one round trip.

Each connection that writes makes it for itself, in the schema `pg_temp` that ends with the
connection. So each version of Pavane brings its own, beside others on the same database, and it
has the columns that this version knows.

A call is a transaction by itself. It writes all that it is given, or fails and writes nothing: it
never waits for its client while it holds a row, so a node that is stopped holds nobody up.

Rows are locked in one order, so that nodes do not wait for each other in a ring: the writer's own,
headers that change by id, new ones by start key, what belongs to these, paces by name. A batch with
several turns of an execution may break the order; then PostgreSQL ends one of those that wait,
which is tried again.
"""

from __future__ import annotations

from typing import Final, get_type_hints

import msgspec

from pavane.adapters.postgres.queries import HEADER, PLACES, READY_ROW, TASK, column
from pavane.core.model.rows import Header, Ready, TaskRow, Value

LOST: Final = "PV001"
"""Some unit of the batch loses: another node has written since, or has the key."""

FENCED: Final = "PV002"
"""The writer has gone on under another name, or was forgotten: this call comes too late."""

# What identifies an execution or an attempt, and what was fixed at its beginning.
_HEADER_FIXED: Final = frozenset(
    {"id", "workflow", "parent_id", "parent_ref", "key", "correlation_id", "depth", "created_at"}
    | {"successor"}  # once there is one, it stays
)
_TASK_FIXED: Final = frozenset(
    {"execution_id", "ref", "attempt", "type", "name", "seq", "input", "first_scheduled_at"}
    | {"branch"}
)
_SQL_TYPES: Final = {str: "text", int: "bigint", bool: "boolean", bytes: "bytea"}


def _type(name: str, first: str, row: type[msgspec.Struct]) -> str:
    hints = get_type_hints(row)
    fields = [f"{column(field)} {_SQL_TYPES[hints[field]]}" for field in row.__struct_fields__]
    return f"CREATE TYPE pg_temp.{name} AS ({first}, {', '.join(fields)});\n"


def _set(row: type[msgspec.Struct], fixed: frozenset[str], source: str) -> str:
    changing = [field for field in row.__struct_fields__ if field not in fixed]
    return ", ".join(f"{column(field)} = {column(field, source)}" for field in changing)


_TYPES: Final = (
    _type("pavane_header", "turn int", Header)
    + _type("pavane_task", "turn int, fresh boolean", TaskRow)
    + _type("pavane_ready", "turn int", Ready)
    + _type("pavane_value", "turn int", Value)
    + "CREATE TYPE pg_temp.pavane_closed AS (turn int, execution_id text, ref text);\n"
    + "CREATE TYPE pg_temp.pavane_entry AS (execution_id text, at bigint, entries bytea);\n"
    + "CREATE TYPE pg_temp.pavane_pace AS (task text, body bytea);\n"
)

# `turn` is 0 for all rows, unless an execution changes more than once in the batch.
_WRITE: Final = f"""CREATE FUNCTION pg_temp.pavane_write(
    writer_id text, next bigint, base bigint, turns int,
    headers pg_temp.pavane_header[], tasks pg_temp.pavane_task[],
    values_ pg_temp.pavane_value[], closed pg_temp.pavane_closed[],
    readies pg_temp.pavane_ready[], entries_ pg_temp.pavane_entry[], paces pg_temp.pavane_pace[]
) RETURNS void LANGUAGE plpgsql AS $write$
#variable_conflict use_column
DECLARE
    done bigint;
    wanted bigint;
    this bigint;
BEGIN
    UPDATE writer SET number = next, at = now() WHERE id = writer_id AND number = next - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another commit of this writer came first' USING ERRCODE = '{FENCED}';
    END IF;
    FOR now_ IN 0 .. turns - 1 LOOP
        SELECT count(*) FILTER (WHERE h.revision > 1), count(*) FILTER (WHERE h.revision = 1)
        INTO wanted, this FROM unnest(headers) h WHERE h.turn = now_;

        IF wanted > 0 THEN
            UPDATE execution e SET {_set(Header, _HEADER_FIXED, "h")},
                successor = CASE h.successor WHEN '' THEN e.successor ELSE h.successor END
            FROM unnest(headers) h
            WHERE h.turn = now_ AND h.revision > 1
                AND e.id = h.id AND e.revision = h.revision - 1;
            GET DIAGNOSTICS done = ROW_COUNT;
            IF done <> wanted THEN
                RAISE EXCEPTION 'a revision is not the next' USING ERRCODE = '{LOST}';
            END IF;
        END IF;

        IF this > 0 THEN
            INSERT INTO execution ({HEADER}) SELECT {HEADER} FROM unnest(headers) h
            WHERE h.turn = now_ AND h.revision = 1 ORDER BY h."key", h.workflow, h.id
            ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS done = ROW_COUNT;
            IF done <> this THEN
                RAISE EXCEPTION 'an id or a start key is taken' USING ERRCODE = '{LOST}';
            END IF;
        END IF;

        INSERT INTO task ({TASK}) SELECT {TASK} FROM unnest(tasks) t
        WHERE t.turn = now_ AND t.fresh
        ON CONFLICT (execution_id, ref, attempt) DO UPDATE
        SET {_set(TaskRow, frozenset({"execution_id", "ref", "attempt"}), "excluded")};

        SELECT count(*) INTO wanted FROM unnest(tasks) t WHERE t.turn = now_ AND NOT t.fresh;
        IF wanted > 0 THEN
            UPDATE task o SET {_set(TaskRow, _TASK_FIXED, "t")} FROM unnest(tasks) t
            WHERE t.turn = now_ AND NOT t.fresh
                AND o.execution_id = t.execution_id AND o.ref = t.ref AND o.attempt = t.attempt;
            GET DIAGNOSTICS done = ROW_COUNT;
            IF done <> wanted THEN -- one was not there
                INSERT INTO task ({TASK}) SELECT {TASK} FROM unnest(tasks) t
                WHERE t.turn = now_ AND NOT t.fresh ON CONFLICT DO NOTHING;
            END IF;
        END IF;

        INSERT INTO value (execution_id, name, body)
        SELECT execution_id, name, body FROM unnest(values_) v WHERE v.turn = now_
        ON CONFLICT (execution_id, name) DO UPDATE SET body = excluded.body;

        IF cardinality(closed) > 0 THEN
            DELETE FROM ready r USING unnest(closed) c
            WHERE c.turn = now_ AND r.execution_id = c.execution_id AND r.ref = c.ref;
        END IF;
        INSERT INTO ready ({READY_ROW}) SELECT {READY_ROW} FROM unnest(readies) r
        WHERE r.turn = now_
        ON CONFLICT (execution_id, ref) DO UPDATE
        SET {_set(Ready, frozenset({"execution_id", "ref"}), "excluded")};
    END LOOP;

    this := (pg_current_xact_id()::text::bigint + base) << {PLACES};
    INSERT INTO log (position, execution_id, at, entries)
    SELECT this + place, execution_id, at, entries FROM unnest(entries_)
        WITH ORDINALITY AS e (execution_id, at, entries, place);
    IF cardinality(paces) > 0 THEN
        INSERT INTO pace (task, body) SELECT task, body FROM unnest(paces) p
        ON CONFLICT (task) DO UPDATE SET body = excluded.body;
    END IF;
END $write$;
"""

MAKE: Final = f"BEGIN;\n{_TYPES}{_WRITE}COMMIT"
"""What a connection that writes makes for itself."""

CALL: Final = "SELECT pg_temp.pavane_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
"""Write a batch: the writer's name and the number of its commit, and rows by table."""
