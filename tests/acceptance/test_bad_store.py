"""A store that is full, taken, damaged or too new, with real processes: told, and nothing lost."""

import hashlib
import json
import resource
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli.processes import Background, background, done, environment, refused

# Writes one line for each call, so that calls are counted outside the product.
APP = """
import asyncio, os
from pavane import Service, TaskContext, workflow

clerk = Service("clerk")
CALLS = os.open("calls.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

@clerk.task
async def write(ctx: TaskContext, text: str, seconds: float) -> str:
    os.write(CALLS, f"{ctx.idempotency_key}\\n".encode())
    await asyncio.sleep(seconds)
    return text.upper()

@workflow
async def copy(text: str, seconds: float) -> str:
    first = await write(text, seconds)
    second = await write(first, 0.0)
    return second
"""
ROOM_B = 4096  # less than the page that the smallest commit writes


def ask(url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any], Message]:
    """The answer's status, JSON and headers."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=40) as response:
            return response.status, json.load(response), response.headers
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers


def start(run: Background, text: str, seconds: float) -> tuple[int, dict[str, Any], Message]:
    body = {"input": {"text": text, "seconds": seconds}}
    return ask(f"{run.url}/v1/workflows/copy/executions", body)


def limit_files(run: Background, size: int) -> None:
    """No file of the process may grow beyond this: to SQLite, that is a full disk."""
    limits = (size, resource.RLIM_INFINITY)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, limits)


def fill_up(folder: Path, run: Background) -> None:
    largest = max(path.stat().st_size for path in folder.glob("pavane.db*"))
    limit_files(run, largest + ROOM_B)


def calls(folder: Path) -> Counter[str]:
    return Counter((folder / "calls.txt").read_text().split())


def running(folder: Path, tmp_app: str = "app.py") -> Any:
    """The application as a process that answers REST."""
    (folder / "app.py").write_text(APP)
    return background(folder, "run", tmp_app, "--port", "0")


def test_on_a_full_disk_requests_are_refused_and_runs_wait(tmp_path: Path):
    with running(tmp_path) as run:
        ids = [start(run, "ay", 0.5)[1]["id"] for _ in range(5)]
        fill_up(tmp_path, run)
        code, problem, headers = start(run, "x" * 50_000, 0.0)
        assert (code, problem["code"]) == (507, "store-full"), problem
        assert "no room left" in problem["detail"]
        assert "nothing was written" in problem["detail"]
        assert "Make room" in problem["remedy"]
        assert headers["retry-after"]

        time.sleep(1)  # the first steps are done by now, and cannot be told
        assert start(run, "again", 0.0)[0] == 507
        assert ask(f"{run.url}/health")[0] == 200
        listed = ask(f"{run.url}/v1/executions")[1]["executions"]
        assert {each["id"]: each["status"] for each in listed} == dict.fromkeys(ids, "RUNNING")

        limit_files(run, resource.RLIM_INFINITY)
        for id in ids:
            code, result, _ = ask(f"{run.url}/v1/executions/{id}/result?wait=30")
            assert (code, result["status"]) == (200, "COMPLETED"), result
            assert result["output"] == {"result": "AY"}
        later = start(run, "b", 0.0)
        assert later[0] == 201, "and new ones are taken again"
        assert ask(f"{run.url}/v1/executions/{later[1]['id']}/result?wait=30")[0] == 200
        assert run.stop() == 0
    assert set(calls(tmp_path).values()) == {1}, "what was done was not done again"
    assert len(calls(tmp_path)) == 12


def test_a_process_that_dies_on_a_full_disk_leaves_nothing_half_written(tmp_path: Path):
    with running(tmp_path) as run:
        ids = [start(run, "ay", 0.2)[1]["id"] for _ in range(3)]
        fill_up(tmp_path, run)
        assert start(run, "x" * 50_000, 0.0)[0] == 507
        time.sleep(0.5)
        run.process.kill()
        run.process.wait()
    with running(tmp_path) as run:
        for id in ids:
            code, result, _ = ask(f"{run.url}/v1/executions/{id}/result?wait=30")
            assert (code, result["status"]) == (200, "COMPLETED"), result
        assert len(ask(f"{run.url}/v1/executions")[1]["executions"]) == 3
    with sqlite3.connect(tmp_path / "pavane.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_process_that_stops_on_a_full_disk_gives_back_what_it_could_not_tell(tmp_path: Path):
    with running(tmp_path) as run:
        id = start(run, "ay", 0.2)[1]["id"]
        fill_up(tmp_path, run)
        time.sleep(0.5)
        began = time.monotonic()
        assert run.stop() == 0, run.text
        assert time.monotonic() - began < 25
        assert "Traceback" not in run.text
    with running(tmp_path) as run:
        assert ask(f"{run.url}/v1/executions/{id}/result?wait=30")[1]["status"] == "COMPLETED"


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path: Path):
    with running(tmp_path) as run:
        id = start(run, "ay", 1.0)[1]["id"]
        other = "Stop that server, or give this one another --store"
        for command, remedy in (
            (["server", "--port", "0"], other),
            (["run", "app.py"], other),
            (["start", "copy"], "--server http://"),
        ):
            said = refused(tmp_path, 1, *command)
            assert f"in use by another server (process {run.process.pid})" in said
            assert remedy in said
        code, result, _ = ask(f"{run.url}/v1/executions/{id}/result?wait=30")
        assert (code, result["status"]) == (200, "COMPLETED")
        assert run.stop() == 0
    assert set(calls(tmp_path).values()) == {1}, "nobody else took its tasks"


PAGE = 8192


def newer(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO meta VALUES ('migration:9999_from_the_future', 'x')")
    database.close()


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (text)")
    database.close()


def overwritten(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:PAGE] + b"\xab" * (len(whole) - PAGE))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * PAGE])


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * PAGE)


DAMAGED = ["damaged or is not a SQLite database", "Restore it from a back-up"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (garbage, DAMAGED),
        (overwritten, DAMAGED),
        (truncated, DAMAGED),
        (newer, ["has schema 9999, made by a newer Pavane", "Install that newer version"]),
        (foreign, ["was not made by Pavane", "Give another --store"]),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_and_left_alone(
    tmp_path: Path, spoil: Any, words: list[str]
):
    (tmp_path / "app.py").write_text(APP)
    given = ["start", "copy", "--app", "app.py", "--wait", "--input"]
    done(tmp_path, *given, json.dumps({"text": "ay", "seconds": 0.0}))
    path = tmp_path / "pavane.db"
    spoil(path)
    before = hashlib.sha256(path.read_bytes()).digest()
    for command in (["server", "--port", "0"], ["run", "app.py"], ["list"], ["show", "x"]):
        said = refused(tmp_path, 1, *command)
        for word in [*words, "pavane.db"]:
            assert word in said, said
        assert len(said.splitlines()) == 3, said  # what is wrong, what to do, where more is said
    assert hashlib.sha256(path.read_bytes()).digest() == before
    log = tmp_path / "pavane.db-wal"
    assert not log.exists() or log.stat().st_size == 0, "nothing waits to be written into it"


def test_a_server_that_finds_no_room_to_begin_says_so(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    for room in (0, 5000):
        program = (
            "import resource, sys\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, resource.RLIM_INFINITY))\n"
            "from pavane.__main__ import main\n"
            "sys.argv[1:] = ['server', '--port', '0']\n"
            "sys.exit(main())\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: There is no room left for the database"), ended
        assert "Make room on its disk" in ended.stderr
    with background(tmp_path, "server", "--port", "0") as server:
        assert ask(f"{server.url}/health")[0] == 200, "nothing half-made is in the way"
