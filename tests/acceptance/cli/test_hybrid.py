"""A hybrid over processes: a conductor on a bus, services that work for it and dance as well."""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.cli.processes import SHOP, Background, background, done, refused
from tests.acceptance.cli.test_workers import ended, order

BUS = ("--bus", "embedded:bus")
HYBRID = str(SHOP.with_name("hybrid.py"))


@contextmanager
def part(
    folder: Path, url: str, *services: str, more: Sequence[str] = (), bus: Sequence[str] = BUS
) -> Iterator[Background]:
    named = [word for service in services for word in ("--service", service)]
    given = ("--style", "hybrid", "--server", url, *bus, *named, *more)
    with background(folder, "run", HYBRID, *given) as it:
        it.wait_for("Ctrl-C stops")
        yield it


def test_the_hybrid_shop_in_four_processes(tmp_path: Path):
    four_processes(tmp_path, BUS)


def four_processes(tmp_path: Path, bus: Sequence[str]) -> None:
    """The shop on any bus; services and the server are killed, and what was begun ends."""
    with (
        background(tmp_path, "server", "--port", "0", *bus, "--lease", "1s") as server,
        part(tmp_path, server.url, "inventory", bus=bus),
        part(tmp_path, server.url, "payment", bus=bus),
    ):
        ask = ("--server", server.url)
        with part(tmp_path, server.url, "shipping", "notifications", bus=bus) as last:
            printed = done(tmp_path, "start", "fulfil_order", *ask, "--wait", "--input", order())
            assert json.loads(printed.partition("\n")[2]) == {"parcel": "S-7", "invoice": "I-7"}
            far = order(country="Mars")
            said = refused(tmp_path, 1, "start", "fulfil_order", *ask, "--wait", "--input", far)
            assert "no carrier goes to Mars" in said and "COMPENSATED" in said
            listed = json.loads(done(tmp_path, "list", *ask, "--json"))["executions"]
            assert {each["workflow"] for each in listed} == {
                "fulfil_order",
                "fulfil_order/delivery",
            }, "the scope is an execution of its own"
            last.process.send_signal(signal.SIGKILL)
            last.process.wait()
        id = done(tmp_path, "start", "fulfil_order", *ask, "--input", order())
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        port = server.url.rpartition(":")[2]
        with (
            background(tmp_path, "server", "--port", port, *bus) as again,
            part(tmp_path, server.url, "shipping", "notifications", bus=bus),
        ):
            again.wait_for("answers at")
            ended(tmp_path, server.url, id, "COMPLETED")


def test_one_that_is_stopped_is_taken_over(tmp_path: Path):
    with (
        background(tmp_path, "server", "--port", "0", *BUS) as server,
        part(tmp_path, server.url, "inventory", more=("--take-over-after", "1s")) as stopped,
        part(tmp_path, server.url, "inventory", more=("--take-over-after", "1s")) as other,
    ):
        other.wait_for("inventory stands by")
        stopped.process.send_signal(signal.SIGSTOP)
        other.wait_for("inventory is active here")
        stopped.process.send_signal(signal.SIGCONT)


def test_a_hybrid_needs_a_conductor_elsewhere(tmp_path: Path):
    assert "--server" in refused(tmp_path, 2, "run", HYBRID, "--style", "hybrid")


EVENTFUL = """
from pavane import Event, Service, publish, wait_for, workflow

shop, till = Service("shop"), Service("till")


class OrderPlaced(Event, type="fair.order.placed.v1"):
    order: str


class OrderPaid(Event, type="fair.order.paid.v1"):
    order: str


class Visit(Event, type="fair.visit.begun.v1"):
    order: str


@shop.task(read_only=True)
async def look(order: str) -> str:
    return order


@till.on(OrderPlaced)
async def pay(event: OrderPlaced) -> OrderPaid:
    return OrderPaid(order=event.order)


@shop.on(OrderPaid)
async def visit(event: OrderPaid) -> list[Visit]:
    return [Visit(order=event.order)] if event.order == "lute" else []


@workflow(started_by=Visit)
async def visited(visit: Visit) -> str:
    seen = await look(visit.order)
    return seen


@workflow
async def buy(order: str) -> str:
    seen = await look(order)
    await publish(OrderPlaced(order=seen))
    paid = await wait_for(OrderPaid, where=lambda e: e.order == order, timeout="1m")
    return "never" if paid is None else paid.order
"""


def test_events_reach_what_a_server_conducts(tmp_path: Path):
    (tmp_path / "fair.py").write_text(EVENTFUL)
    ask: tuple[str, ...]
    with background(tmp_path, "server", "--port", "0", *BUS) as server:
        ask = ("--server", server.url)
        given = ("--style", "hybrid", *ask, *BUS)
        with background(tmp_path, "run", "fair.py", *given) as services:
            services.wait_for("Ctrl-C stops")
            started = ("start", "buy", *ask, "--wait", "--input")
            assert '"harp"' in done(tmp_path, *started, '{"order": "harp"}')
            assert '"lute"' in done(tmp_path, *started, '{"order": "lute"}')
            listed = until_listed(tmp_path, ask, "visited")
            assert [each["status"] for each in listed] == ["COMPLETED"], listed
        # Another server process on the same files hears what is registered in the store.
        port = server.url.rpartition(":")[2]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        with (
            background(tmp_path, "server", "--port", port, *BUS) as again,
            background(tmp_path, "run", "fair.py", *given) as services,
        ):
            again.wait_for("answers at")
            services.wait_for("Ctrl-C stops")
            assert '"drum"' in done(tmp_path, *started, '{"order": "drum"}')


def until_listed(folder: Path, ask: Sequence[str], workflow: str) -> list[dict[str, str]]:
    """The executions of a workflow when there are some and none of them runs."""
    listed: list[dict[str, str]] = []
    for _ in range(100):
        listed = json.loads(done(folder, "list", *ask, "--json"))["executions"]
        found = [each for each in listed if each["workflow"] == workflow]
        if found and all(each["status"] != "RUNNING" for each in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{workflow} did not end: {listed}")
