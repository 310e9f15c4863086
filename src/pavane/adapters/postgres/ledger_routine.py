"""What a ledger's commit does in the server: one function, made by each connection that writes.

See `routine` for why. Entries come in turns (see `adapters/ledger_rounds`): within one, kind by
kind comes to the same as entry by entry.
"""

from __future__ import annotations

from typing import Final

from pavane.adapters.ledger_rounds import GOES_ON
from pavane.adapters.postgres.ledger_queries import ASIDE_ROW, RECORD, TODO_ROW
from pavane.adapters.postgres.routine import FENCED, LOST

PUT_OUT: Final = "PV003"
"""Another process serves the ledger."""

_EVENT: Final = """id text, source text, type text, subject text, time bigint,
    datacontenttype text, dataschema text, attributes text, data bytea"""

_TYPES: Final = f"""
CREATE TYPE pg_temp.pavane_message AS (turn int, message text, at bigint);
CREATE TYPE pg_temp.pavane_new AS (turn int, id text, closed_at bigint);
CREATE TYPE pg_temp.pavane_move AS (turn int, id text, closed_at bigint, revision bigint);
CREATE TYPE pg_temp.pavane_key AS (turn int, execution text, "group" text, name text);
CREATE TYPE pg_temp.pavane_row AS (turn int, execution text, "group" text, name text, body bytea);
CREATE TYPE pg_temp.pavane_done AS (turn int, execution text, name text);
CREATE TYPE pg_temp.pavane_todo AS (
    turn int, execution text, name text, due bigint, queue text, body bytea);
CREATE TYPE pg_temp.pavane_taken AS (turn int, message text);
CREATE TYPE pg_temp.pavane_aside AS (
    turn int, message text, kind text, execution text, reason text, at bigint, until bigint,
    {_EVENT});
CREATE TYPE pg_temp.pavane_record AS (turn int, at bigint, topic text, "key" text, {_EVENT});
CREATE TYPE pg_temp.pavane_offset AS (name text, position bigint);
"""


def _all_of(count: str, what: str) -> str:
    """Whether as many rows were changed as were asked for."""
    return f"""GET DIAGNOSTICS done = ROW_COUNT;
            IF done <> (SELECT count(*) FROM unnest({count}) x WHERE x.turn = now_) THEN
                RAISE EXCEPTION '{what}' USING ERRCODE = '{LOST}';
            END IF;"""


def _replaced(columns: str, keys: str) -> str:
    fixed = keys.split(", ")
    return ", ".join(f"{c} = excluded.{c}" for c in columns.split(", ") if c not in fixed)


_COMMIT: Final = f"""CREATE FUNCTION pg_temp.pavane_commit(
    writer_id text, next bigint, mine bigint, turns int,
    messages pg_temp.pavane_message[], news pg_temp.pavane_new[], moves pg_temp.pavane_move[],
    taken pg_temp.pavane_taken[], dropped pg_temp.pavane_key[], rows_ pg_temp.pavane_row[],
    gone pg_temp.pavane_done[], todos pg_temp.pavane_todo[], asides pg_temp.pavane_aside[],
    records pg_temp.pavane_record[], offsets pg_temp.pavane_offset[]
) RETURNS void LANGUAGE plpgsql AS $commit$
#variable_conflict use_column
DECLARE
    done bigint;
    last bigint;
BEGIN
    UPDATE writer SET number = next, at = now() WHERE id = writer_id AND number = next - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another commit of this writer came first' USING ERRCODE = '{FENCED}';
    END IF;
    PERFORM 1 FROM holder WHERE generation = mine FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another process serves the ledger' USING ERRCODE = '{PUT_OUT}';
    END IF;
    SELECT coalesce(max(position), 0) INTO last FROM log;
    FOR now_ IN 0 .. turns - 1 LOOP
        IF cardinality(messages) > 0 THEN
            INSERT INTO inbox (message, at) SELECT message, at FROM unnest(messages) m
            WHERE m.turn = now_ ON CONFLICT DO NOTHING;
            {_all_of("messages", "a message was handled")}
        END IF;
        IF cardinality(news) > 0 THEN
            INSERT INTO execution (id, closed_at, revision)
            SELECT id, closed_at, 1 FROM unnest(news) n WHERE n.turn = now_ ON CONFLICT DO NOTHING;
            {_all_of("news", "an execution has begun")}
        END IF;
        IF cardinality(moves) > 0 THEN
            UPDATE execution e SET revision = e.revision + 1,
                closed_at = nullif(coalesce(m.closed_at, e.closed_at), {GOES_ON})
            FROM unnest(moves) m
            WHERE m.turn = now_ AND e.id = m.id AND e.revision = m.revision;
            {_all_of("moves", "a revision is not the next")}
        END IF;
        IF cardinality(taken) > 0 THEN
            DELETE FROM aside a USING unnest(taken) t
            WHERE t.turn = now_ AND a.message = t.message;
            {_all_of("taken", "something is not set aside")}
        END IF;
        IF cardinality(dropped) > 0 THEN
            DELETE FROM state s USING unnest(dropped) d
            WHERE d.turn = now_ AND s.execution = d.execution AND s."group" = d."group"
                AND s.name = d.name;
        END IF;
        INSERT INTO state (execution, "group", name, body)
        SELECT execution, "group", name, body FROM unnest(rows_) r WHERE r.turn = now_
        ON CONFLICT (execution, "group", name) DO UPDATE SET body = excluded.body;
        IF cardinality(gone) > 0 THEN
            DELETE FROM todo t USING unnest(gone) g
            WHERE g.turn = now_ AND t.execution = g.execution AND t.name = g.name;
        END IF;
        IF cardinality(todos) > 0 THEN
            INSERT INTO todo ({TODO_ROW}) SELECT {TODO_ROW} FROM unnest(todos) t WHERE t.turn = now_
            ON CONFLICT (execution, name) DO UPDATE SET {_replaced(TODO_ROW, "execution, name")};
        END IF;
        IF cardinality(asides) > 0 THEN
            INSERT INTO aside ({ASIDE_ROW}) SELECT {ASIDE_ROW} FROM unnest(asides) a
            WHERE a.turn = now_
            ON CONFLICT (message) DO UPDATE SET {_replaced(ASIDE_ROW, "message")};
        END IF;
        IF cardinality(records) > 0 THEN
            INSERT INTO log (position, at, {RECORD}) SELECT last + place, at, {RECORD}
            FROM unnest(records) WITH ORDINALITY AS r (turn, at, {RECORD}, place)
            WHERE r.turn = now_;
        END IF;
    END LOOP;
    IF cardinality(offsets) > 0 THEN
        INSERT INTO "offset" (name, position) SELECT name, position FROM unnest(offsets) o
        ON CONFLICT (name) DO UPDATE SET position = excluded.position;
    END IF;
END $commit$;
"""

MAKE: Final = f"BEGIN;\n{_TYPES}{_COMMIT}COMMIT"
"""What a connection that writes makes for itself."""

CALL: Final = "SELECT pg_temp.pavane_commit(" + ", ".join(f"${n}" for n in range(1, 16)) + ")"
"""Write a batch: the writer's name, its commit's number, its generation, and rows by kind."""
