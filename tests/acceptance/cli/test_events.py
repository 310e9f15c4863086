"""Which events nobody takes is seen by processes that take part in nothing."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from tests.acceptance.cli.processes import Background, background, done, refused
from tests.acceptance.cli.test_dead_letters import eventually

BUS = ("--bus", "embedded:bus")
ORDERED, PAID, SENT = "test.order.placed.v1", "test.order.paid.v1", "test.parcel.sent.v1"
MISTYPED, STARTED = "test.order.paied.v1", "test.audit.due.v1"
APP = """
from pavane import Event, Service, workflow

bank, mail = Service("bank"), Service("mail")


class Placed(Event, type="test.order.placed.v1"):
    order: str


class Paid(Event, type="test.order.paid.v1"):
    order: str


class Mistyped(Event, type="test.order.paied.v1"):
    order: str


class Due(Event, type="test.audit.due.v1"):
    order: str


@bank.on(Placed)
async def charge(event: Placed) -> Paid:
    return Paid(order=event.order)


@mail.on(MAIL)
async def write(event: MAIL) -> None:
    pass


@mail.task
async def note(order: str) -> None:
    pass


@workflow(started_by=Due)
async def audit(due: Due) -> None:
    await note(due.order)
"""


@contextmanager
def running(folder: Path, mail: str) -> Iterator[Background]:
    (folder / "app.py").write_text(APP.replace("MAIL", mail))
    with background(folder, "run", "app.py", "--style", "choreographed", *BUS) as part:
        part.wait_for("Ctrl-C stops")
        yield part


def publish(folder: Path, *types: str) -> None:
    async def telling() -> None:
        bus = EmbeddedBus(str(folder / "bus"), "outside")
        await bus.open()
        for n, type in enumerate(types):
            event = CloudEvent(f"{type}-{n}", "web", type, data=b'{"order": "7"}')
            await bus.publish([Outgoing(topic_of_type(type), "", event)])
        await bus.close()

    asyncio.run(telling())


def seen(folder: Path, *options: str) -> dict[str, Any]:
    found = json.loads(done(folder, "events", *BUS, "--json", *options))["eventTypes"]
    assert [each["type"] for each in found] == sorted(each["type"] for each in found)
    return {each["type"]: each for each in found}


def listeners(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["service"], by) for each in found["listeners"] for by in each["by"]]


def test_events_that_nobody_takes_are_listed(tmp_path: Path):
    """A listener that spells a type wrongly; once it is mended, nothing is unheard."""
    with running(tmp_path, "Mistyped"):
        publish(tmp_path, ORDERED, ORDERED, SENT)
        eventually(lambda: seen(tmp_path).get(PAID, {}).get("count") == 2)
        found = seen(tmp_path)
        assert listeners(found[ORDERED]) == [("bank", "handler charge")]
        assert listeners(found[STARTED]) == [("mail", "starts audit")]
        (publisher,) = found[PAID]["publishers"]
        assert (publisher["source"], publisher["count"]) == ("bank", 2)
        assert publisher["firstAt"] <= publisher["lastAt"] == found[PAID]["lastAt"]
        # Listened to and never published: the other half of the mistake.
        assert (found[MISTYPED]["count"], found[MISTYPED]["lastAt"]) == (0, 0)
        assert {type for type, each in found.items() if each["unheard"]} == {PAID, SENT}
        assert set(seen(tmp_path, "--unheard")) == {PAID, SENT}
        lines = done(tmp_path, "events", *BUS, "--unheard").splitlines()
        assert [line.strip() for line in lines if PAID not in line and SENT not in line] == [
            "TYPE                 EVENTS  LAST",
            "from bank: 2",
            "to   nobody",
            "from web: 1",
            "to   nobody",
        ]
    with running(tmp_path, "Paid"):
        eventually(lambda: not seen(tmp_path)[PAID]["unheard"])
        found = seen(tmp_path)
        assert MISTYPED not in found  # never published, and nobody listens any more
        assert set(seen(tmp_path, "--unheard")) == {SENT}
    # Nobody runs: what they said stands, as what they would take waits for them.
    assert listeners(seen(tmp_path)[PAID]) == [("mail", "handler write")]


def test_a_server_on_the_bus_tells_and_shows_the_same(tmp_path: Path):
    server = background(tmp_path, "server", "--port", "0", "--store", "memory:", *BUS)
    with running(tmp_path, "Mistyped"), server as serving:
        publish(tmp_path, ORDERED, SENT)
        url = serving.url

        def ask(path: str) -> str:
            with urllib.request.urlopen(f"{url}{path}", timeout=30) as answer:
                return answer.read().decode()

        def unheard() -> set[str]:
            page = json.loads(ask("/v1/event-types?unheard=true"))
            return {each["type"] for each in page["eventTypes"]}

        eventually(lambda: unheard() == {PAID, SENT})
        by_command = json.loads(done(tmp_path, "events", "--server", url, "--json"))
        assert by_command == json.loads(ask("/v1/event-types"))
        page = ask("/events")
        assert all(type in page for type in (ORDERED, PAID, SENT, MISTYPED))
        assert page.count("! nobody") == 2
        assert ORDERED not in ask("/events?unheard=true")
        with pytest.raises(urllib.error.HTTPError) as refusal:
            ask("/v1/event-types?unheard=perhaps")
        assert refusal.value.code == 400


def test_what_cannot_be_looked_at_is_refused_in_words(tmp_path: Path):
    assert "There is no bus in nowhere." in refused(
        tmp_path, 2, "events", "--bus", "embedded:nowhere"
    )
    assert "There is no bus in .pavane." in refused(tmp_path, 2, "events")
    refused(tmp_path, 2, "events", "--bus", "memory:")
    assert list(tmp_path.iterdir()) == []  # looking makes nothing
    with background(tmp_path, "server", "--port", "0", "--store", "memory:") as serving:
        said = refused(tmp_path, 1, "events", "--server", serving.url)
        assert "This server is on no bus" in said
    (tmp_path / "bus").mkdir()
    assert done(tmp_path, "events", *BUS) == "No events."
    assert done(tmp_path, "events", *BUS, "--unheard") == "Every type of events has a listener."
    (tmp_path / "bus" / "torn.db").write_bytes(b"no database at all, and longer than a header" * 9)
    said = refused(tmp_path, 1, "events", *BUS)
    assert "The log torn.db of the bus cannot be read" in said
