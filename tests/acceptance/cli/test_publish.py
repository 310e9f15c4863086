"""`pavane publish`: from outside onto a bus, with a server and without one."""

import json
from pathlib import Path

from tests.acceptance.cli.processes import background, done, refused
from tests.acceptance.cli.test_dead_letters import eventually

BUS = ("--bus", "embedded:bus")
APP = """
from pathlib import Path

from pavane import Event, EventContext, Service, workflow

bank, mail = Service("bank"), Service("mail")


class Placed(Event, type="test.order.placed.v1"):
    order: str


class Due(Event, type="test.audit.due.v1"):
    order: str


@bank.on(Placed)
async def charge(ctx: EventContext, event: Placed) -> None:
    with Path("heard.txt").open("a") as file:
        file.write(f"{event.order} {ctx.message_id} {ctx.correlation_id}\\n")


@mail.task
async def note(order: str) -> str:
    return order


@workflow(started_by=Due)
async def audit(due: Due) -> str:
    return await note(due.order)
"""
RUN = ("run", "app.py", "--style", "choreographed", *BUS)


def heard(folder: Path) -> list[str]:
    file = folder / "heard.txt"
    return file.read_text().splitlines() if file.exists() else []


def data(order: str) -> tuple[str, str]:
    return "--data", json.dumps({"order": order})


def test_an_event_waits_on_the_bus_for_whoever_takes_it(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "bus").mkdir()
    placed = ("publish", "test.order.placed.v1", *BUS)
    assert done(tmp_path, *placed, *data("1"), "--id", "web-1") == "web-1"
    (tmp_path / "two.json").write_text('{"order": "2"}')
    second = done(tmp_path, *placed, "--data", "@two.json", "--correlation-id", "visit")
    with background(tmp_path, *RUN) as part:
        part.wait_for("Ctrl-C stops")
        third = done(tmp_path, *placed, "--data", "@-", input='{"order": "3"}')
        done(tmp_path, *placed, *data("1"), "--id", "web-1")  # told again, and taken once
        done(tmp_path, "publish", "test.audit.due.v1", *BUS, *data("4"), "--id", "due-4")
        done(tmp_path, *placed, *data("last"), "--id", "last")
        eventually(lambda: "last last last" in heard(tmp_path))
        first = "1 web-1 web-1"
        assert sorted(heard(tmp_path)) == sorted(
            [first, f"2 {second} visit", f"3 {third} {third}", "last last last"]
        )
        eventually(lambda: "COMPLETED" in done(tmp_path, "list", *BUS, "--workflow", "audit"))


def test_a_server_puts_it_on_its_bus(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    server = ("server", "--port", "0", "--store", "memory:", *BUS)
    with background(tmp_path, *server) as serving, background(tmp_path, *RUN) as part:
        part.wait_for("Ctrl-C stops")
        there = ("publish", "test.order.placed.v1", "--server", serving.url)
        assert done(tmp_path, *there, *data("1"), "--id", "1", "--source", "/web") == "1"
        eventually(lambda: heard(tmp_path) == ["1 1 1"])
        said = refused(tmp_path, 1, "publish", "order-placed", "--server", serving.url)
        assert "does not end in a version" in said
        found = json.loads(done(tmp_path, "events", *BUS, "--json"))["eventTypes"]
        sources = [one["source"] for each in found for one in each["publishers"]]
        assert sources == ["/web"]


def test_what_cannot_be_published_is_refused_in_words(tmp_path: Path):
    assert "There is no bus in nowhere." in refused(
        tmp_path, 2, "publish", "a.b.v1", "--bus", "embedded:nowhere"
    )
    assert list(tmp_path.iterdir()) == []  # a slip in the folder's name makes no bus
    (tmp_path / "bus").mkdir()
    said = refused(tmp_path, 1, "publish", "OrderPlaced", *BUS)
    assert "'OrderPlaced'" in said
    assert "as in shop.order.created.v1" in said
    said = refused(tmp_path, 2, "publish", "a.b.v1", *BUS, "--data", "[1]")
    assert "--data is not a JSON object" in said
    assert done(tmp_path, "events", *BUS) == "No events."
    with background(tmp_path, "server", "--port", "0", "--store", "memory:") as serving:
        said = refused(tmp_path, 1, "publish", "a.b.v1", "--server", serving.url)
        assert "There is no bus here" in said
        assert "`pavane explain no-bus` says more." in said  # the server's own code
