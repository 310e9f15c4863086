"""The floor on PostgreSQL: rows by `unnest`, group commit, and no engine.

It says how much room the server leaves on this machine, nothing else. Each row is awaited as an
engine must; everything that waits goes into one statement, which is a transaction and a round trip;
nothing is read back. `history` appends five rows of 300 bytes for each workflow, as `bench.floor`
does; `rows` writes what the three steps of `bench.order` leave in a store that has the work to do
in it: the same 22 rows, and about the same bytes.

python -m bench.postgres.floor URL [WORKFLOWS] [IN_FLIGHT] [history|rows]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from itertools import count
from typing import Any, Final, NamedTuple

import asyncpg

from bench.load import Watch
from bench.postgres.server import Meter, fresh_database

WARM_UP: Final = 500

# What comes with a step, by bytes: measured on the orders of `bench.order`.
_HEADER: Final = b"h" * 200
_ORDER: Final = b"o" * 1040  # an input of a workflow or a task
_RESULT: Final = b"r" * 30
_ENTRIES: Final = b"e" * 190

Columns = list[list[Any]]


class Shape(NamedTuple):
    """Tables, the statement that writes a batch, and what each step of a workflow puts into it."""

    tables: str
    sql: str
    steps: int

    def columns(self, written: Iterable[tuple[str, int]]) -> Columns:
        return _history(written) if self is HISTORY else _rows(written)


HISTORY: Final = Shape(
    "CREATE TABLE history (id text, n bigint, body bytea, PRIMARY KEY (id, n))",
    "INSERT INTO history SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])",
    5,
)

ROWS: Final = Shape(
    """CREATE TABLE execution (id text PRIMARY KEY, revision bigint, header bytea)
        WITH (fillfactor = 80);
    CREATE TABLE task (id text, n bigint, status bigint, output bytea, input bytea,
        PRIMARY KEY (id, n)) WITH (fillfactor = 80);
    CREATE TABLE ready (id text, n bigint, worker text, PRIMARY KEY (id, n))
        WITH (fillfactor = 70);
    CREATE TABLE value (id text, name text, body bytea, PRIMARY KEY (id, name));
    CREATE TABLE log (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text, entries bytea)""",
    """WITH begun AS (INSERT INTO execution SELECT id, 0, header
            FROM unnest($1::text[], $2::bytea[]) AS b (id, header)),
        gone_on AS (UPDATE execution e SET revision = g.n, header = g.header
            FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS g (id, n, header)
            WHERE e.id = g.id),
        tasks AS (INSERT INTO task SELECT id, n, 0, '', input
            FROM unnest($6::text[], $7::bigint[], $8::bytea[]) AS t (id, n, input)),
        done AS (UPDATE task t SET status = 1, output = d.output
            FROM unnest($3::text[], $4::bigint[], $9::bytea[]) AS d (id, n, output)
            WHERE t.id = d.id AND t.n = d.n - 1),
        closed AS (DELETE FROM ready r USING unnest($3::text[], $4::bigint[]) AS c (id, n)
            WHERE r.id = c.id AND r.n = c.n - 1),
        opened AS (INSERT INTO ready SELECT id, n, 'worker'
            FROM unnest($6::text[], $7::bigint[]) AS o (id, n)),
        named AS (INSERT INTO value SELECT *
            FROM unnest($10::text[], $11::text[], $12::bytea[])),
        logged AS (INSERT INTO log (id, entries) SELECT *
            FROM unnest($13::text[], $14::bytea[]))
    SELECT 1""",
    4,
)


def _history(written: Iterable[tuple[str, int]]) -> Columns:
    pairs = list(written)
    return [[id for id, _ in pairs], [n for _, n in pairs], [b"x" * 289] * len(pairs)]


def _rows(written: Iterable[tuple[str, int]]) -> Columns:
    """Beginning, three results; with each but the last a task that follows."""
    pairs = list(written)
    begun = [id for id, n in pairs if n == 0]
    gone_on = [pair for pair in pairs if pair[1] > 0]
    tasks = [pair for pair in pairs if pair[1] < ROWS.steps - 1]
    ended = [id for id, n in pairs if n == ROWS.steps - 1]
    return [
        begun,
        [_HEADER] * len(begun),
        [id for id, _ in gone_on],
        [n for _, n in gone_on],
        [_HEADER] * len(gone_on),
        [id for id, _ in tasks],
        [n for _, n in tasks],
        [_ORDER] * len(tasks),
        [_RESULT] * len(gone_on),
        begun + ended,
        ["input"] * len(begun) + ["output"] * len(ended),
        [_ORDER] * len(begun) + [2 * _RESULT] * len(ended),
        [id for id, _ in pairs],
        [_ENTRIES] * len(pairs),
    ]


class Floor:
    """Writes steps of workflows; everything that waits goes into one commit."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._queue: list[tuple[tuple[str, int], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self.commits = 0

    async def append(self, workflow: str, n: int) -> None:
        """One durable step."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(((workflow, n), future))
        self._wake.set()
        await future

    async def run(self, connection: Any) -> None:
        """Commit batches for ever."""
        write = await connection.prepare(self._shape.sql)
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._queue = self._queue, []
            if not batch:
                continue
            await write.fetch(*self._shape.columns(step for step, _ in batch))
            self.commits += 1
            for _, future in batch:
                future.set_result(None)


async def measure(server: str, workflows: int, in_flight: int, shape: Shape) -> dict[str, float]:
    """Rate, CPU here and in the server, and what was written, of each workflow."""
    async with fresh_database(server) as url:
        connection: Any = await asyncpg.connect(url)
        await connection.execute(shape.tables)
        meter, floor, numbers = await Meter.on(url), Floor(shape), count()
        runner = asyncio.create_task(floor.run(connection))

        async def many(workflows: int) -> None:
            left = iter(range(workflows))

            async def client() -> None:
                for _ in left:
                    workflow = f"workflow-{next(numbers):08}"
                    for n in range(shape.steps):
                        await floor.append(workflow, n)

            await asyncio.gather(*(client() for _ in range(in_flight)))

        await many(min(WARM_UP, workflows))
        await meter.begin()
        commits, watch = floor.commits, Watch()
        await many(workflows)
        told = watch.rates(workflows) | await meter.told(workflows)
        told["commits_per_workflow"] = (floor.commits - commits) / workflows
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
        await connection.close()
        await meter.close()
    return told


def main() -> None:
    workflows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    in_flight = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    shape = ROWS if sys.argv[4:] == ["rows"] else HISTORY
    print(json.dumps(asyncio.run(measure(sys.argv[1], workflows, in_flight, shape))))


if __name__ == "__main__":
    main()
