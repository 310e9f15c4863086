"""An undo that gives up: the execution waits, says for what, and a person settles it."""

import json
import signal
from pathlib import Path

import pytest

from tests.acceptance.cli.processes import background, done, pavane, refused

APP = """
from pathlib import Path
from pavane import Fail, Service, workflow

clerk = Service("clerk")

@clerk.task
async def unfile(paper: str) -> None:
    if not Path("mended").exists():
        raise Fail("the drawer is locked")

@clerk.task(undo=unfile)
async def file(paper: str) -> str:
    return paper

@clerk.task
async def stamp(paper: str) -> str:
    raise Fail("no ink")

@workflow
async def process(paper: str) -> str:
    filed = await file(paper)
    stamped = await stamp(filed)
    return stamped
"""


@pytest.mark.parametrize(
    ("action", "mended", "status"),
    [
        ("retry", True, "COMPENSATED"),
        ("retry", False, "NEEDS_ATTENTION"),
        ("done", False, "COMPENSATED"),
        ("abandon", False, "FAILED"),
    ],
)
def test_somebody_settles_it(tmp_path: Path, action: str, mended: bool, status: str):
    (tmp_path / "app.py").write_text(APP)
    with background(tmp_path, "run", "app.py", "--port", "0") as run:
        server = ["--server", run.url]
        ended = pavane(tmp_path, "start", "process", "--input", '{"paper":"x"}', "--wait", *server)
        assert ended.returncode == 1
        assert "NEEDS_ATTENTION" in ended.stderr
        id = ended.stdout.strip()
        shown = done(tmp_path, "show", id, *server)
        assert "waiting for you" in shown
        command = shown.splitlines()[-1].split()
        assert command[:4] == ["pavane", "resolve", id, "undo:file"]
        assert "the drawer is locked" in shown

        assert "'nothing'" in refused(tmp_path, 1, "resolve", id, "nothing", "done", *server)
        if mended:
            (tmp_path / "mended").touch()
        done(tmp_path, "resolve", id, command[3], action, *server)
        if status != "NEEDS_ATTENTION":
            watched = done(tmp_path, "watch", id, *server)
            assert status in watched
        again = json.loads(done(tmp_path, "show", id, "--json", *server))
        assert bool(again["attention"]) == (again["status"] == "NEEDS_ATTENTION")


def test_watch_shows_what_comes_to_its_end(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "mended").touch()
    with background(tmp_path, "run", "app.py", "--port", "0") as run:
        _ = run.url
        with background(tmp_path, "watch") as watch:
            server = ["--server", run.url]
            id = done(tmp_path, "start", "process", "--input", '{"paper": "x"}', *server)
            watch.wait_for(f"{id}  process  COMPENSATED")
            assert watch.stop(signal.SIGINT) == 0
