"""The budget of a step: rows, bytes, statements and commits, exactly, alone and beside others."""

from collections import Counter
from pathlib import Path

import pytest

from bench import budget, bulk_load, order, statements
from bench.budget import StepCost
from pavane.adapters.sqlite import queries

pytestmark = pytest.mark.anyio

# Three steps are four commits: start, and the end of each. Each writes the header, the task that
# ends and the one that begins, the ready row that goes and the one that comes, and one log record.
ROWS = {
    "rows.execution": 4,
    "rows.task": 6,
    "rows.ready": 6,
    "rows.value": 2,
    "rows.log": 4,
}
COMMITS = 4
STATEMENTS = 30  # BEGIN, COMMIT, and one for each kind of row in a commit
# Input and three task inputs hold the order; the rest is results and the log.
PAYLOAD_BYTES = 5020

FILLED = 20_000  # ended runs in the store that is compared with an empty one


def without_pages(told: dict[str, int]) -> dict[str, int]:
    """How many pages a commit touches depends on where rows fall, not on the step."""
    return {name: count for name, count in told.items() if name not in {"wal_pages", "checkpoints"}}


def expected(workflows: int, batches: int) -> dict[str, int]:
    return {
        "statements": STATEMENTS * batches,
        "commits": COMMITS * batches,
        "loads": 0,  # what was written last is still at hand
        "lost": 0,
        "payload_bytes": PAYLOAD_BYTES * workflows,
    } | {name: count * workflows for name, count in ROWS.items()}


def test_the_order_has_its_size():
    for number in (0, 99_999_999):
        given = order.order_input(number)
        assert len(given) == order.ORDER_BYTES + len(b'{"order":}')


async def test_an_order_alone(tmp_path: Path):
    told = await budget.orders(tmp_path / "alone.db", 1, 1)
    assert without_pages(told) == expected(workflows=1, batches=1)


async def test_64_orders_in_flight_share_their_commits(tmp_path: Path):
    """As many statements and commits as one alone; rows and bytes of 64."""
    told = await budget.orders(tmp_path / "many.db", 64, 64)
    assert without_pages(told) == expected(workflows=64, batches=1)
    told = await budget.orders(tmp_path / "more.db", 640, 64)
    assert without_pages(told) == expected(workflows=640, batches=10)


# A run longer than what is kept at hand (engine/recent.py) is read again once in that many steps.
WINDOW = 48


async def test_step_10_000_costs_what_step_100_costs(tmp_path: Path):
    early, late = range(100, 100 + WINDOW), range(10_000, 10_000 + WINDOW)
    costs = await budget.long_run(tmp_path / "long.db", late.stop + 1, [*early, *late])
    first, then = costs[:WINDOW], costs[WINDOW:]
    assert len(first) == len(then) == WINDOW
    assert usual(first) == usual(then)
    assert total(first) == total(then)
    assert total(then) == {
        "statements": 8 * WINDOW + 4,
        "commits": WINDOW,
        "loads": 1,
        "lost": 0,
        "payload_bytes": 256 * WINDOW,
        "rows.execution": WINDOW,
        "rows.task": 2 * WINDOW,
        "rows.ready": 2 * WINDOW,
        "rows.value": 0,
        "rows.log": WINDOW,
    }


def total(costs: list[StepCost]) -> dict[str, int]:
    names = without_pages(costs[0].counters)
    return {name: sum(cost.counters[name] for cost in costs) for name in names}


def usual(costs: list[StepCost]) -> int:
    """Calls of Python functions in most steps: work that grows without touching the store."""
    return Counter(cost.calls for cost in costs).most_common(1)[0][0]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "filled.db"
    bulk_load.fill(path, FILLED, 300)
    return path


def test_no_plan_of_the_hot_path_scans_a_filled_store(
    filled: Path, monkeypatch: pytest.MonkeyPatch
):
    assert statements.scanning(filled) == {}
    monkeypatch.setitem(queries.HOT, "COUNTS", queries.COUNTS)
    assert list(statements.scanning(filled)) == ["COUNTS"], "this test would not see a scan"


async def test_a_filled_store_gives_no_more_work_than_an_empty_one(tmp_path: Path, filled: Path):
    """SQLite's own count of instructions and scanned rows, statement by statement."""
    work = await statements.counted(tmp_path / "empty.db", 128, 64)
    assert {"INSERT_HEADER", "UPDATE_TASK", "PUT_READY", "APPEND_LOG"} <= work.keys()
    assert not [name for name, done in work.items() if done.scanned or done.sorted]
    assert await statements.counted(filled, 128, 64) == work
