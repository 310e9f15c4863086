"""A hybrid over processes: a conductor on a bus, services that work for it and dance as well."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.cli.processes import SHOP, Background, background, done, refused
from tests.acceptance.cli.test_workers import ended, order

BUS = ("--bus", "embedded:bus")
HYBRID = str(SHOP.with_name("hybrid.py"))


@contextmanager
def part(folder: Path, url: str, *services: str, more: Sequence[str] = ()) -> Iterator[Background]:
    named = [word for service in services for word in ("--service", service)]
    given = ("--style", "hybrid", "--server", url, *BUS, *named, *more)
    with background(folder, "run", HYBRID, *given) as it:
        it.wait_for("Ctrl-C stops")
        yield it


def test_the_hybrid_shop_in_four_processes(tmp_path: Path):
    with (
        background(tmp_path, "server", "--port", "0", *BUS, "--lease", "1s") as server,
        part(tmp_path, server.url, "inventory"),
        part(tmp_path, server.url, "payment"),
    ):
        ask = ("--server", server.url)
        with part(tmp_path, server.url, "shipping", "notifications") as last:
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
            background(tmp_path, "server", "--port", port, *BUS) as again,
            part(tmp_path, server.url, "shipping", "notifications"),
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
