"""What holds for every test: asyncio alone, and in strict runs no test hides behind a skip."""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

pytest_plugins = ["tests.servers", "tests.postgres"]

STRICT = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}
ACCEPTED = frozenset(os.environ.get("PAVANE_ACCEPTED_SKIPS", "").split())

# A slow machine is no failure, and a failure prints what repeats it. At the desk the dice are new
# each time; a strict run judges a change, so it throws the same ones before and after it.
settings.register_profile("pavane", deadline=None, print_blob=True, derandomize=STRICT)
settings.load_profile("pavane")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture
def anyio_backend() -> str:
    """Engine and participant speak asyncio alone, so one loop is what the tests run on."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In a strict run (CI) a skip is a failure: what the test needs must be there."""
    return strictly((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In a strict run a whole module may not skip itself either."""
    return strictly((yield))


def strictly(report: Report) -> Report:
    """Turn a skip into a failure when the run is strict; leave everything else as it is."""
    hidden = report.skipped and not hasattr(report, "wasxfail")
    if STRICT and hidden and report.nodeid not in ACCEPTED:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped in a strict run. {why}"
    return report
