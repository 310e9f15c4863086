"""`pavane people`: what waits for people, in a store and behind a server."""

import json
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
