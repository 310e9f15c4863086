"""Services as processes that work for a server: they die, hang, wait for it, find it again."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.cli.processes import SHOP, Background, background, done, refused

SLOW = """
import asyncio, pathlib
from pavane import Service, TaskContext, workflow

first, second = Service("first"), Service("second")

def note(what):
    with open("effects.txt", "a") as file:
        file.write(what + "\\n")

@first.task
async def begin(ctx: TaskContext, name: str) -> str:
    note(f"begin {ctx.idempotency_key}")
    while pathlib.Path("hold").exists():
        await asyncio.sleep(0.02)
    note(f"begun {name}")
    return name.upper()

@second.task
def end(name: str) -> str:
    return name + "!"

@workflow
async def both(name: str) -> str:
    begun = await begin(name)
    return await end(begun)
"""


def order(**changes: str) -> str:
    given = {"id": "7", "customer": "Byrd", "item": "lute", "card": "4111", "country": "CH"}
    return json.dumps({"order": {**given, "quantity": 2, **changes}})


@contextmanager
def serving(folder: Path, *more: str) -> Iterator[Background]:
    with background(folder, "server", "--port", "0", *more) as server:
        yield server


@contextmanager
def working(folder: Path, url: str, *services: str, app: str = str(SHOP)) -> Iterator[Background]:
    named = [word for service in services for word in ("--service", service)]
    with background(folder, "run", app, "--server", url, *named) as part:
        part.wait_for("Ctrl-C stops")
        yield part


def slow(folder: Path) -> str:
    (folder / "slow.py").write_text(SLOW)
    return str(folder / "slow.py")


def effects(folder: Path, word: str) -> list[str]:
    file = folder / "effects.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if line.startswith(word)]


def until_effects(folder: Path, word: str, count: int) -> None:
    until = time.monotonic() + 30
    while len(effects(folder, word)) < count:
        assert time.monotonic() < until, effects(folder, "")
        time.sleep(0.02)


def test_the_shop_in_four_processes(tmp_path: Path):
    with (
        serving(tmp_path) as server,
        working(tmp_path, server.url, "inventory"),
        working(tmp_path, server.url, "payment"),
        working(tmp_path, server.url, "shipping", "notifications") as last,
    ):
        ask = ("--server", server.url)
        printed = done(tmp_path, "start", "fulfil_order", *ask, "--wait", "--input", order())
        assert json.loads(printed.partition("\n")[2]) == {"parcel": "S-7", "invoice": "I-7"}
        far = order(country="Mars")
        said = refused(tmp_path, 1, "start", "fulfil_order", *ask, "--wait", "--input", far)
        assert "it is COMPENSATED: ship: no carrier goes to Mars" in said
        assert last.stop() == 0
        assert server.stop() == 0


def test_workers_wait_for_a_server_and_find_it_again(tmp_path: Path):
    app = slow(tmp_path)
    with serving(tmp_path) as server:
        url = server.url
    port = url.rpartition(":")[2]
    (tmp_path / "hold").touch()
    with background(tmp_path, "run", app, "--server", url) as both:
        both.wait_for("does not answer .* Waiting for it")
        with background(tmp_path, "server", "--port", port) as server:
            both.wait_for("Ctrl-C stops")
            server.wait_for("answers at")
            id = done(tmp_path, "start", "both", "--server", url, "--input", '{"name": "a"}')
            until_effects(tmp_path, "begin", 1)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        (tmp_path / "hold").unlink()
        until_effects(tmp_path, "begun", 1)
        both.wait_for("does not answer .* Trying again")
        with background(tmp_path, "server", "--port", port) as server:
            server.wait_for("answers at")
            ended(tmp_path, url, id, "COMPLETED")
    assert len(effects(tmp_path, "begin")) == 1, "its result was kept, and told again"


def test_a_killed_worker_loses_its_task_to_another(tmp_path: Path):
    app = slow(tmp_path)
    (tmp_path / "hold").touch()
    with serving(tmp_path, "--lease", "1s") as server, working(tmp_path, server.url, app=app) as it:
        id = done(tmp_path, "start", "both", "--server", server.url, "--input", '{"name": "a"}')
        until_effects(tmp_path, "begin", 1)
        it.process.send_signal(signal.SIGKILL)
        it.process.wait()
        (tmp_path / "hold").unlink()
        with working(tmp_path, server.url, app=app):
            ended(tmp_path, server.url, id, "COMPLETED")
        server.wait_for("is silent for more than 1 s: 1 task")
    begun = effects(tmp_path, "begin ")
    assert len(begun) == 2, "it was begun again"
    assert len(set(begun)) == 1, "with the same idempotency key"


def test_a_stopped_worker_is_refused_when_it_goes_on(tmp_path: Path):
    app = slow(tmp_path)
    (tmp_path / "hold").touch()
    with (
        serving(tmp_path, "--lease", "1s") as server,
        working(tmp_path, server.url, "first", app=app) as hangs,
    ):
        id = done(tmp_path, "start", "both", "--server", server.url, "--input", '{"name": "a"}')
        until_effects(tmp_path, "begin", 1)
        os.kill(hangs.process.pid, signal.SIGSTOP)
        server.wait_for("is silent for more than 1 s: 1 task")
        (tmp_path / "hold").unlink()
        with working(tmp_path, server.url, app=app):
            ended(tmp_path, server.url, id, "COMPLETED")
            os.kill(hangs.process.pid, signal.SIGCONT)
            hangs.wait_for("the result of begin, attempt 1, was refused: The task is COMPLETED")
        assert hangs.stop() == 0


def test_a_worker_that_is_asked_to_stop_finishes_what_it_has(tmp_path: Path):
    app = slow(tmp_path)
    (tmp_path / "hold").touch()
    with serving(tmp_path) as server, working(tmp_path, server.url, app=app) as it:
        id = done(tmp_path, "start", "both", "--server", server.url, "--input", '{"name": "a"}')
        until_effects(tmp_path, "begin", 1)
        it.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        (tmp_path / "hold").unlink()
        assert it.process.wait(20) == 0
        shown = json.loads(done(tmp_path, "show", id, "--server", server.url, "--json"))
        assert shown["steps"][0]["status"] == "COMPLETED", "it was handed in"
        assert shown["status"] == "RUNNING"
        with working(tmp_path, server.url, "second", app=app):
            ended(tmp_path, server.url, id, "COMPLETED")


def test_what_a_server_does_not_take_is_said_at_once(tmp_path: Path):
    app = tmp_path / "slow.py"
    with serving(tmp_path) as server:
        with working(tmp_path, server.url, app=slow(tmp_path)):
            pass
        app.write_text(SLOW.replace("return await end(begun)", "return begun"))
        said = refused(tmp_path, 1, "run", str(app), "--server", server.url)
        assert "both" in said and "version" in said
        with background(tmp_path, "run", str(app), "--server", server.url, "--overwrite") as part:
            part.wait_for("Ctrl-C stops")


def ended(folder: Path, url: str, id: str, status: str) -> None:
    until = time.monotonic() + 150  # far more than it needs, also on a busy machine
    while True:
        shown = json.loads(done(folder, "show", id, "--server", url, "--json"))
        if shown["status"] == status:
            return
        assert time.monotonic() < until, shown
        time.sleep(0.2)
