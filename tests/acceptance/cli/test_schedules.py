"""`@workflow(every=…)` in real processes: once at each time, across kill -9; listed and paused."""

import json
import time
from pathlib import Path
from typing import Any

from tests.acceptance.cli.processes import background, done, pavane, refused

APP = """
from datetime import datetime

from pavane import Service, workflow

bell = Service("bell")


@bell.task
def ring(at: datetime) -> str:
    return at.isoformat()


@workflow(every="1s")
async def tick(at: datetime) -> str:
    rung = await ring(at)
    return rung


@workflow(every="0 0 9 * * MON", zone="Europe/Zurich", missed="none")
async def weekly() -> str:
    rung = await ring("2026-01-01T00:00:00Z")
    return rung
"""

BAD = """
from pavane import Service, workflow

bell = Service("bell")


@bell.task
def ring(at: str) -> str:
    return at


@workflow(every="0 9 * * *")
async def daily(at: str) -> str:
    return await ring(at)


@workflow(every="1h")
async def hourly(at: str, who: str) -> str:
    return await ring(at)


@workflow(every="1h", style="choreographed")
async def danced(at: str) -> str:
    return await ring(at)
"""


def started(folder: Path) -> list[dict[str, Any]]:
    told = done(folder, "list", "--workflow", "tick", "--limit", "1000", "--json")
    return json.loads(told)["executions"]


def until(folder: Path, count: int) -> list[dict[str, Any]]:
    for _ in range(200):
        found = started(folder)
        if sum(each["status"] == "COMPLETED" for each in found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{count} did not complete: {started(folder)}")


def test_once_at_each_time_across_kill_9(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    for life in (1, 2, 3):
        with background(tmp_path, "run", "app.py", "--port", "0") as run:
            assert run.url  # it is there
            until(tmp_path, 2 * life)
            run.process.kill()
            run.process.wait()
    found = started(tmp_path)
    keys = [each["key"] for each in found]
    assert len(keys) == len(set(keys)) >= 6
    assert all(key.startswith("schedule tick 20") for key in keys)


def test_listed_paused_and_resumed(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    assert done(tmp_path, "schedules", "--store", "memory:") == "Nothing starts by itself."
    with background(tmp_path, "run", "app.py", "--port", "0") as run:
        server = ["--server", run.url]
        until(tmp_path, 1)
        assert "paused: too loud" in done(
            tmp_path, "schedules", "pause", "tick", "--reason", "too loud", *server
        )
        said = done(tmp_path, "schedules", *server).splitlines()
        assert said[0] == "tick: 1s"
        assert said[1].startswith("  paused: too loud, last 20")
        assert said[2] == "weekly: 0 0 9 * * MON (Europe/Zurich)"
        assert said[3].startswith("  next 20")
        assert done(tmp_path, "schedules").splitlines() == said, "the store says the same"
        before = len(started(tmp_path))
        time.sleep(2.1)
        assert len(started(tmp_path)) == before
        refused(tmp_path, 1, "schedules", "resume", "nothing", *server)
    # Nobody serves the store now, so it is changed itself.
    assert "next 20" in done(tmp_path, "schedules", "resume", "tick")
    told = json.loads(done(tmp_path, "schedules", "--json"))["schedules"]
    assert [(each["name"], each.get("paused", False)) for each in told] == [
        ("tick", False),
        ("weekly", False),
    ]


def test_what_cannot_be_kept_is_found_with_its_line(tmp_path: Path):
    (tmp_path / "bad.py").write_text(BAD)
    said = pavane(tmp_path, "check", "bad.py").stdout
    assert "bad.py:13:1" in said
    assert "has 5 fields" in said
    assert "bad.py:18" in said
    assert "nothing to give to" in said
    (tmp_path / "bad.py").write_text(BAD.replace("0 9 * * *", "1h").replace(", who: str", ""))
    said = pavane(tmp_path, "check", "bad.py").stdout
    assert "nobody looks at the clock" in said
    assert "bad.py:2" in said
