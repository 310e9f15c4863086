"""The statements by which what is over goes from a PostgreSQL store: each is a transaction."""

from __future__ import annotations

from typing import Final

_IS_OVER: Final = "status = ANY($1::text[]) AND ended_at < $2"

OVER: Final = f"""SELECT id, parent_id = '' AND {_IS_OVER} FROM execution
    WHERE id > $3 AND id < $4 ORDER BY id LIMIT $5"""
"""The next executions by id, and whether they may go."""

FORGET: Final = f"""WITH RECURSIVE family (root, id, revision) AS (
        SELECT e.id, e.id, e.revision FROM unnest($3::text[]) AS wanted (id)
        JOIN execution e ON e.id = wanted.id WHERE e.parent_id = ''
        UNION ALL SELECT f.root, e.id, e.revision FROM family f
        JOIN execution e ON e.parent_id = f.id AND e.parent_id <> ''),
    held AS MATERIALIZED (
        SELECT f.root, e.id, {_IS_OVER} AND e.revision = f.revision AS is_over
        FROM family f JOIN execution e ON e.id = f.id ORDER BY e.id FOR UPDATE OF e),
    whole AS (
        SELECT root FROM family LEFT JOIN held USING (root, id)
        GROUP BY root HAVING bool_and(coalesce(is_over, false))),
    gone AS MATERIALIZED (SELECT id FROM held WHERE root IN (SELECT root FROM whole)),
    noted AS (INSERT INTO forgotten (id) SELECT id FROM gone),
    emptied AS (DELETE FROM ready r USING gone WHERE r.execution_id = gone.id),
    deleted AS (DELETE FROM execution e USING gone WHERE e.id = gone.id)
    SELECT root, id FROM held WHERE root IN (SELECT root FROM whole)"""
"""Families disappear of which all is over, also once their headers are locked, in one order.

Nothing is deleted of a header that changed between the look and the lock. Who starts a step of an
execution, or tries one again, changes its header: so nobody joins the family unseen.
"""

# What is in a span is left to it, unless it is asked for: looked at are the gaps between spans. Of
# each id it is counted how much there is, as far as it matters; a large one is swept in pieces.
SWEEP: Final = """WITH mine AS MATERIALIZED (
        SELECT f.id FROM (
            SELECT w.id FROM unnest($2::text[]) AS w (id)
            UNION SELECT f.id FROM unnest($3::text[], $4::text[]) AS gap (since, until)
            CROSS JOIN LATERAL (
                SELECT id FROM forgotten WHERE id >= gap.since AND id < gap.until
                ORDER BY id LIMIT $1) f) AS wanted
        JOIN forgotten f ON f.id = wanted.id
        ORDER BY f.id LIMIT $1 FOR UPDATE OF f SKIP LOCKED),
    sized AS (
        SELECT id,
            (SELECT count(*) FROM (SELECT FROM task WHERE execution_id = id LIMIT $1 + 1) t)
            + (SELECT count(*) FROM (SELECT FROM value WHERE execution_id = id LIMIT $1 + 1) v)
            + (SELECT count(*) FROM (SELECT FROM log WHERE execution_id = id LIMIT $1 + 1) l) AS n
        FROM mine),
    summed AS (SELECT id, n, sum(n) OVER (ORDER BY id) AS until FROM sized),
    chosen AS MATERIALIZED (SELECT id, until FROM summed WHERE until - n < $1),
    t AS (
        DELETE FROM task o USING (
            SELECT t.execution_id, t.ref, t.attempt FROM chosen
            JOIN task t ON t.execution_id = chosen.id ORDER BY chosen.id LIMIT $1) k
        WHERE o.execution_id = k.execution_id AND o.ref = k.ref AND o.attempt = k.attempt
        RETURNING 1),
    v AS (
        DELETE FROM value o USING (
            SELECT v.execution_id, v.name FROM chosen
            JOIN value v ON v.execution_id = chosen.id ORDER BY chosen.id LIMIT $1) k
        WHERE o.execution_id = k.execution_id AND o.name = k.name RETURNING 1),
    l AS (
        DELETE FROM log o USING (
            SELECT l.execution_id, l.position FROM chosen
            JOIN log l ON l.execution_id = chosen.id ORDER BY chosen.id LIMIT $1) k
        WHERE o.execution_id = k.execution_id AND o.position = k.position
        RETURNING o.position),
    last AS (
        INSERT INTO meta (name, value) SELECT 'log:swept', max(position)::text FROM l
        HAVING max(position) >= (SELECT max(position) FROM log)
        ON CONFLICT (name) DO UPDATE
        SET value = greatest(meta.value::bigint, excluded.value::bigint)::text),
    done AS (
        DELETE FROM forgotten f USING chosen WHERE f.id = chosen.id AND chosen.until <= $1
        RETURNING 1)
    SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM v) + (SELECT count(*) FROM l)
        + (SELECT count(*) FROM done)"""
"""Rows of executions that were forgotten, about so many; the last of the log is remembered."""
