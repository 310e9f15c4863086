"""Long tasks: they say how far they are, and the end of their execution reaches them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.cli.processes import background, done

APP = """
import asyncio, time
from pavane import Service, TaskContext, gather, workflow

mill = Service("mill")

def note(what):
    with open("effects.txt", "a") as file:
        file.write(what + "\\n")

@mill.task
async def grind(ctx: TaskContext) -> None:
    try:
        await ctx.heartbeat(0.25)
        note("begun")
        await asyncio.sleep(120)
    except asyncio.CancelledError:
        note("grind cancelled")
        raise

@mill.task
def sift(ctx: TaskContext) -> None:
    ctx.heartbeat_sync("sack 3 of 9")
    note("begun")
    for _ in range(12_000):
        if ctx.cancelled:
            note("sift saw it")
            return
        time.sleep(0.01)

@workflow
async def flour() -> None:
    await gather(grind(), sift())
"""


@contextmanager
def at_work(folder: Path, *, apart: bool) -> Iterator[str]:
    """The application in one process, or as a worker for a server; where it answers."""
    (folder / "mill.py").write_text(APP)
    with ExitStack() as stack:
        if apart:
            server = stack.enter_context(background(folder, "server", "--port", "0"))
            url = server.url
            worker = background(folder, "run", "mill.py", "--server", url)
            stack.enter_context(worker).wait_for("Ctrl-C stops")
        else:
            url = stack.enter_context(background(folder, "run", "mill.py", "--port", "0")).url
        yield url


def until(folder: Path, *wanted: str) -> None:
    """Until these lines have been noted; what was begun comes twice."""
    file = folder / "effects.txt"
    limit = time.monotonic() + 60
    lines: list[str] = []
    while sorted(lines) != sorted(wanted):
        assert time.monotonic() < limit, lines
        time.sleep(0.02)
        lines = file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("apart", [False, True], ids=["embedded", "worker"])
def test_they_tell_how_far_they_are_and_hear_of_the_end(tmp_path: Path, apart: bool):
    with at_work(tmp_path, apart=apart) as url:
        id = done(tmp_path, "start", "flour", "--server", url)
        until(tmp_path, "begun", "begun")
        limit = time.monotonic() + 60
        while "sack 3 of 9" not in (shown := done(tmp_path, "show", id, "--server", url)):
            assert time.monotonic() < limit, shown
        assert "IN_PROGRESS  25%" in shown
        asked_at = time.monotonic()
        done(tmp_path, "cancel", id, "--server", url)
        until(tmp_path, "begun", "begun", "grind cancelled", "sift saw it")
        assert time.monotonic() - asked_at < 60, "it is told, and not left to its end"
        assert "TERMINATED" in done(tmp_path, "show", id, "--server", url)
