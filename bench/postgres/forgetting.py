"""What it costs to forget executions, row by row and in spans of time; and what spans cost before.

python -m bench.postgres.forgetting URL plain|spans [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Final

from bench import ours
from bench.alternation import Pairs, alternate, process
from bench.postgres.server import Meter, fresh_database, served
from bench.result import Result
from pavane.adapters.postgres.spans import WIDTHS
from pavane.adapters.postgres.store import PostgresStore

PAIRS = 5
OURS = 2000  # workflows in one run, besides those that warm up
IN_FLIGHT = 64

_WIDTH_MS: Final = 3_600_000
_KEEP_MS: Final = WIDTHS * _WIDTH_MS
_PIECE: Final = 20  # executions in a transaction, as the engine has it
_ROWS: Final = 1000
_LATER_MS: Final = 2 * _KEEP_MS


def results(pairs: int = PAIRS, many: int = OURS) -> list[Result]:
    """Spans to plain tables: the work before, and the forgetting."""
    with served() as url:
        spans, plain = (
            process("bench.postgres.forgetting", url, kind, many, IN_FLIGHT)
            for kind in ("spans", "plain")
        )
        both = alternate(spans, plain, pairs)
    return [
        Result("in spans, to plain tables: workflows/s", f"{both.ratio('workflows_per_s'):.2f}"),
        _two("  CPU us of each in the node", both, "cpu_us_per_workflow"),
        _two("  CPU us of each in the server", both, "server_cpu_us_per_workflow"),
        _two("  log bytes of each", both, "wal_bytes_per_workflow"),
        _two("  one at a time, ms", both, "alone_ms", "{:.1f}"),
        Result("  spans that there are", f"{both.our('spans'):.0f}"),
        Result("forgotten in spans, to row by row: log bytes", f"{both.ratio('forget_wal'):.2f}"),
        _two("  log bytes of each", both, "forget_wal"),
        _two("  CPU us of each in the server", both, "forget_server_us"),
        _two("  CPU us of each in the node", both, "forget_us"),
        _two("  rows left dead of each", both, "dead", "{:.1f}"),
    ]


def _two(what: str, both: Pairs, figure: str, form: str = "{:,.0f}") -> Result:
    return Result(what, f"{form.format(both.our(figure))}, {form.format(both.their(figure))}")


async def measure(server: str, kind: str, workflows: int, in_flight: int) -> dict[str, Any]:
    """The workflows carried out, then all of them forgotten."""
    async with fresh_database(server) as url:
        meter = await Meter.on(url)
        if kind == "spans":
            await _in_spans(url)
        told = await ours.measure(PostgresStore(url), workflows, in_flight, meter)
        told["alone_ms"] = (await ours.measure(PostgresStore(url), 100, 1))["p50_ms"]
        told |= await _forgotten(url, meter)
        await meter.close()
    return told


async def _in_spans(url: str) -> None:
    store = PostgresStore(url)
    await store.open()
    now = _now()
    for hours in range(8, -1, -1):  # as if it had been there for some time
        await store.past.prepare(now - hours * _WIDTH_MS, _KEEP_MS)
    await store.close()


async def _forgotten(url: str, meter: Meter) -> dict[str, float]:
    store = PostgresStore(url)
    await store.open()
    past, later, gone, after = store.past, _now() + _LATER_MS, 0, ""
    spans = await past._spans.found()  # only to be told
    await past.sweep(1)
    await meter.begin()
    began = time.process_time()
    while True:
        over, after = await past.over(later - _KEEP_MS, after, 200)
        for at in range(0, len(over), _PIECE):
            gone += len(await past.forget(over[at : at + _PIECE], later - _KEEP_MS))
        while await past.sweep(_ROWS):
            pass
        if not after:
            break
    if spans:
        await past.prepare(later, _KEEP_MS)
    cpu_us = (time.process_time() - began) / gone * 1e6
    used = await meter.told(gone)
    left = await store._read(_LEFT)
    await store.close()
    assert not left[0][0], f"{left[0][0]} rows were not forgotten"
    await asyncio.sleep(1.5)  # the server tells of dead rows a little later
    dead = await meter._connection.fetchval(_DEAD)
    return {
        "spans": len(spans),
        "forget_us": cpu_us,
        "forget_wal": used["wal_bytes_per_workflow"],
        "forget_server_us": used["server_cpu_us_per_workflow"],
        "dead": float(dead) / gone,
    }


_LEFT: Final = """SELECT (SELECT count(*) FROM task) + (SELECT count(*) FROM value)
    + (SELECT count(*) FROM log) + (SELECT count(*) FROM execution)"""
_DEAD: Final = """SELECT coalesce(sum(n_tup_del), 0) FROM pg_stat_user_tables
    WHERE schemaname = 'pavane' AND relname ~ '^(execution|task|value|log)'"""


def _now() -> int:
    return int(time.time() * 1000)


def main() -> None:
    workflows = int(sys.argv[3]) if len(sys.argv) > 3 else OURS
    in_flight = int(sys.argv[4]) if len(sys.argv) > 4 else IN_FLIGHT
    print(json.dumps(asyncio.run(measure(sys.argv[1], sys.argv[2], workflows, in_flight))))


if __name__ == "__main__":
    main()
