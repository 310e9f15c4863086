"""What is over goes from a store: by itself after a time, or when a person removes it."""

import json
import time
from pathlib import Path

from tests.acceptance.cli.processes import LIMIT_S, background, done, refused

DESK = """
from pavane import Service, workflow

desk = Service("desk")

@desk.task
async def greet(name: str) -> str:
    return "hello " + name

@workflow
async def inner(name: str) -> str:
    said = await greet(name)
    return said

@workflow
async def visit(name: str) -> str:
    said = await inner(name)
    return said
"""


def listed(folder: Path, *where: str) -> list[str]:
    found = json.loads(done(folder, "list", "--json", *where))
    return [each["id"] for each in found["executions"]]


def started(folder: Path, *where: str, key: str) -> str:
    return done(folder, "start", "visit", "--input", '{"name":"Ada"}', "--key", key, *where)


def gone(folder: Path, *where: str) -> bool:
    """Whether the store has nothing any more, in good time."""
    until = time.monotonic() + LIMIT_S
    while found := listed(folder, *where):
        if time.monotonic() > until:
            raise AssertionError(f"still there: {found}")
        time.sleep(0.2)
    return True


def test_executions_go_after_the_time_that_the_server_was_given(tmp_path: Path):
    (tmp_path / "desk.py").write_text(DESK)
    serving = ("server", "--port", "0", "--store", "sqlite:///s.db", "--forget-after", "3s")
    with background(tmp_path, *serving) as server:
        at = ("--server", server.url)
        with background(tmp_path, "run", "desk.py", *at) as worker:
            worker.wait_for("Ctrl-C stops")
            first = started(tmp_path, *at, key="k")
            assert started(tmp_path, *at, key="k") == first
            assert gone(tmp_path, *at)
            assert f"no execution '{first}'" in refused(tmp_path, 1, "show", first, *at)
            assert started(tmp_path, *at, key="k") != first, "the key is free again"
            assert server.stop() == 0


def test_an_engine_in_the_process_of_the_services_forgets_too(tmp_path: Path):
    (tmp_path / "desk.py").write_text(DESK)
    said = started(tmp_path, "--store", "sqlite:///s.db", "--app", "desk.py", "--wait", key="k")
    assert "hello Ada" in said and len(listed(tmp_path, "--store", "sqlite:///s.db")) == 2
    running = ("run", "desk.py", "--store", "sqlite:///s.db", "--forget-after", "1s")
    with background(tmp_path, *running):
        assert gone(tmp_path, "--store", "sqlite:///s.db")


def test_a_person_removes_what_has_ended_and_nothing_else(tmp_path: Path):
    (tmp_path / "desk.py").write_text(DESK)
    at = ("--store", "sqlite:///s.db")
    done(tmp_path, "start", "visit", "--input", '{"name":"Ada"}', *at, "--app", "desk.py", "--wait")
    root, inner = sorted(listed(tmp_path, *at))
    assert f"is a step of {root}" in refused(tmp_path, 1, "remove", inner, *at)
    waiting = started(tmp_path, *at, key="waits")
    assert "has not ended" in refused(tmp_path, 1, "remove", waiting, *at)
    assert done(tmp_path, "remove", root, *at) == f"Execution {root} is forgotten."
    assert waiting in listed(tmp_path, *at) and root not in listed(tmp_path, *at)
    assert "by id" in refused(tmp_path, 1, "remove", root, *at)
    with background(tmp_path, "server", "--port", "0", *at) as server:
        assert "has not ended" in refused(tmp_path, 1, "remove", waiting, "--server", server.url)
        done(tmp_path, "cancel", waiting, "--server", server.url)
        done(tmp_path, "remove", waiting, "--server", server.url)
        assert waiting not in listed(tmp_path, "--server", server.url)


def test_forgetting_is_refused_where_no_engine_is(tmp_path: Path):
    (tmp_path / "desk.py").write_text(DESK)
    for where in (("--server", "http://127.0.0.1:1"), ("--style", "choreographed")):
        said = refused(tmp_path, 2, "run", "desk.py", *where, "--forget-after", "9d")
        assert "--forget-after is for executions of an engine in this process" in said
