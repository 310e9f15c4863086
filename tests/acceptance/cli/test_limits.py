"""Limits across processes: what runs at once is counted by a program that only looks on."""

import signal
import time
from pathlib import Path

from tests.acceptance.cli.processes import background, done, refused

APP = """
import os, time
from pavane import Service, workflow

crane = Service("crane")

def note(what):
    with open("effects.txt", "a") as file:
        file.write(what + "\\n")

@crane.task(max_running=2)
def lift(n: int) -> int:
    note(f"+{n}")
    time.sleep(0.2)
    while os.path.exists("hold"):
        time.sleep(0.01)
    note(f"-{n}")
    return n

@workflow
async def lifting(n: int) -> int:
    return await lift(n)
"""


def lines(folder: Path) -> list[str]:
    file = folder / "effects.txt"
    return file.read_text().splitlines() if file.exists() else []


def until(folder: Path, count: int) -> list[str]:
    limit = time.monotonic() + 60
    while len(lines(folder)) < count:
        assert time.monotonic() < limit, lines(folder)
        time.sleep(0.02)
    return lines(folder)


def most_at_once(noted: list[str]) -> int:
    now = most = 0
    for line in noted:
        now += 1 if line[0] == "+" else -1
        most = max(most, now)
    return most


def test_three_processes_share_two_places_and_a_server_that_died_finds_them(tmp_path: Path):
    (tmp_path / "crane.py").write_text(APP)
    with background(tmp_path, "server", "--port", "0") as server:
        url, port = server.url, server.url.rpartition(":")[2]
        names = [("run", "crane.py", "--server", url)] * 3
        with (
            background(tmp_path, *names[0]) as one,
            background(tmp_path, *names[1]) as two,
            background(tmp_path, *names[2]) as three,
        ):
            for each in (one, two, three):
                each.wait_for("Ctrl-C stops")
            (tmp_path / "hold").touch()
            ask = ("--server", url)
            ids = [
                done(tmp_path, "start", "lifting", *ask, "--input", f'{{"n":{n}}}')
                for n in range(6)
            ]
            until(tmp_path, 2)
            time.sleep(0.3)
            assert len(lines(tmp_path)) == 2
            assert "waits: 2 of lift run already" in done(tmp_path, "show", ids[-1], *ask)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            with background(tmp_path, "server", "--port", port) as again:
                again.wait_for("answers at")
                assert "waits: 2 of lift run already" in done(tmp_path, "show", ids[-1], *ask)
                time.sleep(0.5)
                assert len(lines(tmp_path)) == 2, "the places are taken, whoever counts them"
                (tmp_path / "hold").unlink()
                noted = until(tmp_path, 12)
                assert most_at_once(noted) == 2
                assert sorted(noted) == sorted(f"{mark}{n}" for mark in "+-" for n in range(6))


FERRY = """
import os, time
from pavane import Service, workflow

ferry = Service("ferry")

def note(what):
    with open("effects.txt", "a") as file:
        file.write(what + "\\n")

@ferry.task
def cross(n: int) -> int:
    note(f"+{n}")
    time.sleep(0.1)
    while os.path.exists("hold"):
        time.sleep(0.01)
    return n

@ferry.task
def land(n: int) -> int:
    note(f"-{n}")
    return n

@workflow(max_running=2, per="pier")
async def crossing(n: int, pier: str) -> int:
    await cross(n)
    return await land(n)

@workflow(max_running=1, when_full="reject")
async def inspection(n: int) -> int:
    await cross(n)
    return await land(n)
"""


def test_executions_that_wait_survive_kill_9_and_no_more_run(tmp_path: Path):
    """Of eight at one pier two run at once, over two servers that die and a third one."""
    (tmp_path / "ferry.py").write_text(FERRY)
    (tmp_path / "hold").touch()
    with background(tmp_path, "server", "--port", "0") as server:
        url, port = server.url, server.url.rpartition(":")[2]
        ask = ("--server", url)
        with background(tmp_path, "run", "ferry.py", *ask) as worker:
            worker.wait_for("Ctrl-C stops")
            given = [f'{{"n":{n},"pier":"east"}}' for n in range(8)]
            ids = [done(tmp_path, "start", "crossing", *ask, "--input", body) for body in given]
            until(tmp_path, 2)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            with background(tmp_path, "server", "--port", port) as second:
                second.wait_for("answers at")
                said = done(tmp_path, "show", ids[-1], *ask)
                assert 'waits    2 of crossing for pier "east" run already' in said
                (tmp_path / "hold").unlink()
                until(tmp_path, 6)
                second.process.send_signal(signal.SIGKILL)
                second.process.wait()
            with background(tmp_path, "server", "--port", port) as third:
                third.wait_for("answers at")
                for number, id in enumerate(ids):
                    told = done(tmp_path, "show", id, *ask, "--json")
                    limit = time.monotonic() + 60
                    while '"status":"COMPLETED"' not in told.replace(" ", ""):
                        assert time.monotonic() < limit, told
                        time.sleep(0.1)
                        told = done(tmp_path, "show", id, *ask, "--json")
                    assert lines(tmp_path).count(f"-{number}") >= 1
    begun = list(dict.fromkeys(lines(tmp_path)))  # a death may let a step run twice
    assert most_at_once(begun) == 2


def test_the_command_line_says_that_one_more_is_refused(tmp_path: Path):
    (tmp_path / "ferry.py").write_text(FERRY)
    (tmp_path / "hold").touch()
    with background(tmp_path, "server", "--port", "0") as server:
        ask = ("--server", server.url)
        with background(tmp_path, "run", "ferry.py", *ask) as worker:
            worker.wait_for("Ctrl-C stops")
            done(tmp_path, "start", "inspection", *ask, "--input", '{"n":1}')
            said = refused(tmp_path, 1, "start", "inspection", *ask, "--input", '{"n":2}')
            assert "1 of inspection runs already, and no more may at once." in said
            (tmp_path / "hold").unlink()
            until(tmp_path, 2)
