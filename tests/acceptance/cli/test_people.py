"""`pavane people`: what waits for people, in a store and behind a server."""

import json
import time
from pathlib import Path

from tests.acceptance.cli.processes import background, done, refused

APP = """
from pavane import Service, person, workflow

desk = Service("desk")


@desk.task
def book(place: str) -> str:
    return f"booked {place}"


@workflow
async def travel(place: str) -> str:
    answer = await person("approve", to="travel-desk", deadline="2d", place=place)
    if answer is None or not answer["approved"]:
        return "no"
    return await book(place)
"""


def test_people_are_asked_and_answer(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    assert done(tmp_path, "people", "--store", "memory:") == "Nothing waits for people."
    with background(tmp_path, "run", "app.py", "--port", "0") as run:
        server = ["--server", run.url]
        rome = done(tmp_path, "start", "travel", "--input", '{"place": "Rome"}', *server)
        oslo = done(tmp_path, "start", "travel", "--input", '{"place": "Oslo"}', *server)
        said = done(tmp_path, "people", *server).splitlines()
        assert [said[0], said[3]] == [f"{rome}  travel", f"{oslo}  travel"]
        assert said[1].startswith("  approve asks of travel-desk, since ")
        assert ", until " in said[1]
        assert '"place":"Rome"' in said[2]
        assert done(tmp_path, "people") == "\n".join(said), "the store says the same"

        answer = ["--output", '{"approved": true}']
        done(tmp_path, "signal", rome, "approve", *answer, *server)
        assert "booked Rome" in done(tmp_path, "watch", rome, *server) + done(
            tmp_path, "show", rome, *server
        )
        found = json.loads(done(tmp_path, "people", "--to", "travel-desk", "--json"))["questions"]
        assert [(each["executionId"], each["input"]["place"]) for each in found] == [(oslo, "Oslo")]
        assert done(tmp_path, "people", "--to", "boss", *server) == "Nothing waits for people."
        done(tmp_path, "signal", oslo, "approve", "--fail", "--reason", "too cold", *server)
        assert "too cold" in done(tmp_path, "show", oslo)
        refused(tmp_path, 2, "people", "--limit", "0")


DANCED = """
from pavane import Service, person, workflow

desk = Service("desk")


@desk.task(read_only=True)
def look(place: str) -> int:
    return len(place)


@workflow(style="choreographed")
async def travel(place: str) -> str:
    length = await look(place)
    answer = await person("approve", to="travel-desk", deadline="2d", place=place)
    if answer is None:
        return "nobody answered"
    return f"{answer['by']} agrees to {length}"
"""


def asked(folder: Path, *options: str) -> list[str]:
    """What is asked, once somebody is: a dancer comes to it in its own time."""
    for _ in range(50):
        said = done(folder, "people", *options)
        if said != "Nothing waits for people.":
            return said.splitlines()
        time.sleep(0.1)
    raise AssertionError("nobody was asked")


def test_people_are_asked_without_a_conductor(tmp_path: Path):
    (tmp_path / "app.py").write_text(DANCED)
    bus = ["--bus", "embedded:bus"]
    with background(tmp_path, "run", "app.py", "--style", "choreographed", *bus) as run:
        run.wait_for("Ctrl-C stops")
        rome = done(tmp_path, "start", "travel", "--input", '{"place": "Rome"}', *bus).strip()
        said = asked(tmp_path, *bus, "--to", "travel-desk")
        assert said[0] == f"{rome}  travel"
        assert said[1].startswith("  approve asks of travel-desk, since ")
        assert done(tmp_path, "people", "--to", "boss", *bus) == "Nothing waits for people."
        done(tmp_path, "signal", rome, "approve", "--output", '{"by": "anna"}', *bus)
        run.wait_for(f"{rome}  travel  COMPLETED")
        assert "anna agrees to 4" in done(tmp_path, "show", rome, *bus)
        assert done(tmp_path, "people", *bus) == "Nothing waits for people."
