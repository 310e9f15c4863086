"""What a service has set aside is seen and settled by processes that cannot see its ledger."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from pavane.ports.bus import role_topic
from tests.acceptance.cli.processes import SHOP, Background, background, done, pavane, refused

BUS = ("--bus", "embedded:bus")
TYPE = "test.order.created.v1"
APP = """
from pavane import Event, EventContext, Fail, Service

bank = Service("bank")


class Created(Event, type="test.order.created.v1"):
    order: str


@bank.on(Created, retries=0)
async def charge(ctx: EventContext, event: Created) -> None:
    BODY
    with open("charged", "a") as file:
        file.write(event.order + "\\n")
"""


def write_app(folder: Path, body: str) -> None:
    (folder / "app.py").write_text(APP.replace("BODY", body))


@contextmanager
def running(folder: Path) -> Iterator[Background]:
    with background(folder, "run", "app.py", "--style", "choreographed", *BUS) as part:
        part.wait_for("Ctrl-C stops")
        yield part


def publish(folder: Path, *events: Outgoing) -> None:
    async def telling() -> None:
        bus = EmbeddedBus(str(folder / "bus"), "outside")
        await bus.open()
        await bus.publish(events)
        await bus.close()

    asyncio.run(telling())


def created(order: str, data: bytes = b"") -> Outgoing:
    body = data or json.dumps({"order": order}).encode()
    event = CloudEvent(f"web-{order}", "web", TYPE, data=body)
    return Outgoing(topic_of_type(TYPE), order, event)


def letters(folder: Path, *filters: str) -> list[dict[str, Any]]:
    return json.loads(done(folder, "dead-letters", "list", *BUS, "--json", *filters))["deadLetters"]


def eventually(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + 30
    while not (there := found()) and time.monotonic() < until:
        time.sleep(0.1)
    assert there
    return there


def charged(folder: Path) -> list[str]:
    file = folder / "charged"
    return file.read_text().split() if file.exists() else []


def test_a_dead_letter_is_redriven_once_the_code_is_mended(tmp_path: Path):
    write_app(tmp_path, 'raise Fail("the card is unknown")')
    with running(tmp_path):
        publish(tmp_path, created("lute"))
        (dead,) = eventually(lambda: letters(tmp_path, "--kind", "dead"))
        assert (dead["service"], dead["type"], dead["handler"]) == ("bank", TYPE, "charge")
        assert (dead["reason"], dead["attempts"]) == ("the card is unknown", 1)
        assert json.loads(dead["payload"]) == {"order": "lute"}
        assert letters(tmp_path, "--service", "mail") == []
        shown = done(tmp_path, "show", "web-lute", *BUS)
        assert f"pavane dead-letters redrive {dead['id']}" in shown
    write_app(tmp_path, "pass")
    asked = done(tmp_path, "dead-letters", "redrive", dead["id"], *BUS)
    assert "asked (the service takes it up when it runs)" in asked
    assert "asked" in done(tmp_path, "dead-letters", "redrive", dead["id"], *BUS)
    assert charged(tmp_path) == []
    with running(tmp_path):  # the asks have waited for it
        eventually(lambda: charged(tmp_path))
        eventually(lambda: not letters(tmp_path))
        said = refused(tmp_path, 1, "dead-letters", "redrive", dead["id"], *BUS)
        assert "is redriven already" in said
        publish(tmp_path, created("drum"))
        eventually(lambda: len(charged(tmp_path)) == 2)
    assert charged(tmp_path) == ["lute", "drum"]
    shown = done(tmp_path, "dead-letters", "show", dead["id"], *BUS)
    assert "redriven" in shown


def test_garbage_keeps_its_bytes_and_is_discarded_with_a_reason(tmp_path: Path):
    write_app(tmp_path, "pass")
    with running(tmp_path):
        odd = Outgoing(role_topic("bank"), "", CloudEvent("odd-1", "web", "odd", data=b"\xff\x00"))
        publish(tmp_path, odd, created("harp", b'{"order": 7}'))
        both = eventually(lambda: len(found := letters(tmp_path)) == 2 and found)
        assert {each["kind"] for each in both} == {"quarantined"}
        bytes_, typed = sorted(both, key=lambda each: each["message"])
        assert (bytes_["message"], bytes_["encoding"], bytes_["payload"]) == (
            "odd-1",
            "base64",
            "/wA=",
        )
        assert (typed["handler"], typed["size"]) == ("charge", 12)
        refused(tmp_path, 2, "dead-letters", "discard", bytes_["id"], *BUS)  # a reason is due
        reason = ("--reason", "noise")
        assert "discarded" in done(tmp_path, "dead-letters", "discard", bytes_["id"], *BUS, *reason)
        assert [each["id"] for each in letters(tmp_path)] == [typed["id"]]
        # Redriven as it is, it is no better: it is set aside again.
        assert "redriven" in done(tmp_path, "dead-letters", "redrive", typed["id"], *BUS)
        (again,) = eventually(lambda: letters(tmp_path))
        assert again["since"] > typed["since"]
    shown = json.loads(done(tmp_path, "dead-letters", "show", bytes_["id"], *BUS, "--json"))
    assert (shown["state"], shown["settled"]) == ("discarded", "noise")
    refused(tmp_path, 1, "dead-letters", "show", "nothing", *BUS)
    refused(tmp_path, 2, "dead-letters", "redrive", *BUS)


def test_a_parked_message_is_gone_once_its_definition_is_there(tmp_path: Path):
    """A process of an inventory that does not know the shop gets the first message of an order."""
    app = 'from pavane import Service\n\ninventory = Service("inventory")\n'
    (tmp_path / "app.py").write_text(app)
    shop_of = ("run", str(SHOP), "--style", "choreographed", *BUS)
    order = {"id": "7", "customer": "Byrd", "item": "lute", "card": "4", "country": "CH"}
    with background(tmp_path, *shop_of, "--service", "shipping") as known:
        known.wait_for("Ctrl-C stops")  # it announces the workflow
    given = json.dumps({"order": {**order, "quantity": 2}})
    id = done(tmp_path, "start", "fulfil_order", *BUS, "--input", given)
    with running(tmp_path):
        (parked,) = eventually(lambda: letters(tmp_path, "--kind", "parked"))
        assert (parked["service"], parked["execution"]) == ("inventory", id)
        assert "is unknown here" in parked["reason"]
        assert parked["until"] > parked["since"]
    with background(tmp_path, *shop_of) as shop:
        shop.wait_for(f"{id}  fulfil_order  COMPLETED")
        assert letters(tmp_path) == []


def test_a_server_shows_and_settles_them_too(tmp_path: Path):
    write_app(tmp_path, 'raise Fail("the card is unknown")')
    with running(tmp_path):
        publish(tmp_path, created("lute"), created("drum"))
        eventually(lambda: len(letters(tmp_path)) == 2)
    write_app(tmp_path, "pass")
    server = background(tmp_path, "server", "--port", "0", "--store", "memory:", *BUS)
    with server as serving, running(tmp_path):
        url = serving.wait_for(r"http://127\.0\.0\.1:\d+").group()

        def ask(path: str, body: Any = None) -> tuple[int, Any]:
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(f"{url}/v1/dead-letters{path}", data, timeout=30) as answer:
                return answer.status, json.load(answer)

        _, page = ask("?kind=dead&limit=1")
        (first,) = page["deadLetters"]
        _, rest = ask(f"?limit=1&before={page['next']}")
        (second,) = rest["deadLetters"]
        assert {first["message"], second["message"]} == {"web-lute", "web-drum"}
        assert ask(f"/{first['id']}/redrive", {})[1]["state"] == "redriven"
        eventually(lambda: charged(tmp_path))
        over = pavane(
            tmp_path, "dead-letters", "discard", second["id"], "--reason", "old", "--server", url
        )
        assert "discarded" in over.stdout, over.stderr
        assert ask("")[1] == {"deadLetters": [], "next": None}
        assert ask(f"/{second['id']}")[1]["settled"] == "old"
        assert charged(tmp_path) == [first["message"].removeprefix("web-")]


def test_executions_that_failed_are_in_the_same_list(tmp_path: Path):
    (tmp_path / "app.py").write_text(
        "from pavane import Fail, Service, workflow\n"
        'bank = Service("bank")\n'
        "@bank.task(retries=0)\n"
        "async def pay(amount: int) -> int:\n"
        '    raise Fail("closed")\n'
        "@workflow\n"
        "async def order(amount: int) -> int:\n"
        "    return await pay(amount)\n"
    )
    with background(tmp_path, "run", "app.py") as running_:
        running_.wait_for("Ctrl-C stops")
    id = done(tmp_path, "start", "order", "--input", '{"amount": 1}')
    with background(tmp_path, "run", "app.py") as running_:
        running_.wait_for(f"{id}  order  FAILED")
    (failed,) = json.loads(done(tmp_path, "dead-letters", "list", "--json"))["deadLetters"]
    assert (failed["kind"], failed["id"], failed["service"]) == ("failed", f"{id}@pay", "bank")
    assert failed["settle"] == [f"pavane retry {id}"]
    assert "only messages are discarded" in refused(
        tmp_path, 1, "dead-letters", "discard", f"{id}@pay", "--reason", "no"
    )
    assert "redriven" in done(tmp_path, "dead-letters", "redrive", f"{id}@pay")
    assert json.loads(done(tmp_path, "show", id, "--json"))["status"] == "RUNNING"
