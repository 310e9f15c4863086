"""What a commit does in the server: one function, so that a batch of any size is one round trip.

Each connection that writes makes it for itself, in the schema `pg_temp` that ends with the
connection. So each version of Pavane brings its own, beside others on the same database, and it
has the columns that this version knows.

A call is a transaction by itself. It writes all that it is given, or fails and writes nothing: it
never waits for its client while it holds a row, so a node that is stopped holds nobody up.

Rows are locked in one order, so that nodes do not wait for each other in a ring: the writer's own,
queues and tasks that units are bounded by, headers that change by id, new ones by start key, what
belongs to these. A batch with several turns of an execution may break the order; then PostgreSQL
ends one of those that wait, which is tried again.

Of a queue with a limit, commits are made one after the other: each locks it for itself until it has
ended, and counts the leases that it finds then. A queue without a limit knows nothing of this.
"""

from __future__ import annotations

from typing import Final, get_type_hints

import msgspec

from pavane.adapters.postgres.queries import HEADER, PLACES, READY_ROW, TASK, column
from pavane.core.model.pace import GROUPS_MAX
from pavane.core.model.rows import Header, Ready, TaskRow, Value
from pavane.ports.store import Bound

LOST: Final = "PV001"
"""Some unit of the batch loses: another node has written since, or has the key or the place."""

FENCED: Final = "PV002"
"""The writer has gone on under another name, or was forgotten: this call comes too late."""

PARTLY: Final = "PV005"
"""A task that changes is not there, and not all of it was sent."""

# What identifies an execution or an attempt, and what was fixed at its beginning.
_HEADER_FIXED: Final = frozenset(
    {"id", "workflow", "parent_id", "parent_ref", "key", "correlation_id", "depth", "created_at"}
    | {"successor"}  # once there is one, it stays
)
_TASK_FIXED: Final = frozenset(
    {"execution_id", "ref", "attempt", "type", "name", "seq", "input", "first_scheduled_at"}
    | {"branch"}
)
_LOCK: Final = 0x50617662  # of advisory locks, the class that is ours
_LOCKS: Final = 256

_SQL_TYPES: Final = {str: "text", int: "bigint", bool: "boolean", bytes: "bytea"}


def _type(name: str, first: str, row: type[msgspec.Struct]) -> str:
    hints = get_type_hints(row)
    fields = [f"{column(field)} {_SQL_TYPES[hints[field]]}" for field in row.__struct_fields__]
    return f"CREATE TYPE pg_temp.{name} AS ({', '.join(filter(None, (first, *fields)))});\n"


def _set(row: type[msgspec.Struct], fixed: frozenset[str], source: str) -> str:
    changing = [field for field in row.__struct_fields__ if field not in fixed]
    return ", ".join(f"{column(field)} = {column(field, source)}" for field in changing)


_TYPES: Final = (
    _type("pavane_header", "turn int", Header)
    + _type("pavane_task", "turn int, fresh boolean, whole boolean", TaskRow)
    + _type("pavane_ready", "turn int", Ready)
    + _type("pavane_value", "turn int", Value)
    + "CREATE TYPE pg_temp.pavane_closed AS (turn int, execution_id text, ref text);\n"
    + "CREATE TYPE pg_temp.pavane_entry AS (execution_id text, at bigint, entries bytea);\n"
    + _type("pavane_bound", "", Bound)
)

# Two nodes count the same queue one after the other. Of locks there are few, whatever the number of
# queues: the server has room for so many in all. A pace is what `core/model/pace.py` makes of it.
_FITS: Final = f"""CREATE OR REPLACE FUNCTION pg_temp.pavane_fits(bounds pg_temp.pavane_bound[])
RETURNS boolean LANGUAGE plpgsql AS $fits$
#variable_conflict use_column
DECLARE
    b record;
    task_ text;
    groups jsonb;
    begun bigint;
    size_ bigint;
    part bigint;
    more bigint;
BEGIN
    PERFORM pg_advisory_xact_lock({_LOCK}, k) FROM (
        SELECT DISTINCT hashtext(current_schema() || name) & {_LOCKS - 1} AS k
        FROM unnest(bounds) ORDER BY k) l;

    IF EXISTS (
        SELECT 1 FROM (
            SELECT name, sum(count) AS wanted, min(most) AS most
            FROM unnest(bounds) WHERE within_ms = 0 GROUP BY name) w
        WHERE w.wanted + (
            SELECT count(*) FROM ready r
            WHERE r.queue = w.name AND r.worker <> '' AND r.mark = '') > w.most)
    THEN RETURN false; END IF;

    FOR b IN SELECT u.* FROM unnest(bounds) WITH ORDINALITY
            AS u (name, most, count, within_ms, at, place)
        WHERE within_ms > 0 ORDER BY name, place
    LOOP
        IF task_ IS DISTINCT FROM b.name THEN
            task_ := b.name;
            groups := (SELECT convert_from(body, 'UTF8')::jsonb FROM pace WHERE task = task_);
        END IF;
        SELECT coalesce(sum((g->>1)::bigint), 0), coalesce(
            jsonb_agg(jsonb_build_array(least((g->>0)::bigint, b.at), g->1) ORDER BY i), '[]')
        INTO begun, groups
        FROM jsonb_array_elements(coalesce(groups, '[]')) WITH ORDINALITY AS e (g, i)
        WHERE (g->>0)::bigint > b.at - b.within_ms;
        IF begun + b.count > b.most THEN RETURN false; END IF;

        more := b.count;
        size_ := (b.most + {GROUPS_MAX - 1}) / {GROUPS_MAX};
        part := least(more, coalesce(size_ - (groups->-1->>1)::bigint, 0));
        IF part > 0 THEN
            groups := jsonb_set(groups, '{{-1}}',
                jsonb_build_array(b.at, (groups->-1->>1)::bigint + part));
            more := more - part;
        END IF;
        WHILE more > 0 LOOP
            part := least(more, size_);
            groups := groups || jsonb_build_array(jsonb_build_array(b.at, part));
            more := more - part;
        END LOOP;
        INSERT INTO pace (task, body)
        VALUES (task_, convert_to(replace(groups::text, ' ', ''), 'UTF8'))
        ON CONFLICT (task) DO UPDATE SET body = excluded.body;
    END LOOP;
    RETURN true;
END $fits$;
"""

# `turn` is 0 for all rows, unless an execution changes more than once in the batch.
_WRITE: Final = f"""CREATE FUNCTION pg_temp.pavane_write(
    writer_id text, next bigint, base bigint, turns int,
    headers pg_temp.pavane_header[], tasks pg_temp.pavane_task[],
    values_ pg_temp.pavane_value[], closed pg_temp.pavane_closed[],
    readies pg_temp.pavane_ready[], entries_ pg_temp.pavane_entry[], bounds pg_temp.pavane_bound[]
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
    IF cardinality(bounds) > 0 THEN
        IF NOT pg_temp.pavane_fits(bounds) THEN
            RAISE EXCEPTION 'a place is taken' USING ERRCODE = '{LOST}';
        END IF;
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
                IF EXISTS (SELECT 1 FROM unnest(tasks) t
                    WHERE t.turn = now_ AND NOT t.fresh AND NOT t.whole)
                THEN
                    RAISE EXCEPTION 'a task is not there' USING ERRCODE = '{PARTLY}';
                END IF;
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
END $write$;
"""

MAKE: Final = f"BEGIN;\n{_TYPES}{_FITS}{_WRITE}COMMIT"
"""What a connection that writes makes for itself."""

CALL: Final = "SELECT pg_temp.pavane_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
"""Write a batch: the writer's name and the number of its commit, and rows by table."""
