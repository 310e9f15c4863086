"""Dancers as processes: run, start, show, list, cancel over a folder, with no server anywhere."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.acceptance.cli.processes import SHOP, Background, background, done, refused

BUS = ("--bus", "embedded:bus")
PARTS = (("inventory", "payment"), ("shipping",), ("notifications",))


def order(**changes: str) -> str:
    given = {"id": "7", "customer": "Byrd", "item": "lute", "card": "4111", "country": "CH"}
    return json.dumps({"order": {**given, "quantity": 2, **changes}})


@contextmanager
def dancing(folder: Path, *services: str) -> Iterator[Background]:
    named = [word for service in services for word in ("--service", service)]
    with background(folder, "run", str(SHOP), "--style", "choreographed", *BUS, *named) as part:
        part.wait_for("Ctrl-C stops")
        yield part


@contextmanager
def company(folder: Path) -> Iterator[list[Background]]:
    with ExitStack() as stack:
        yield [stack.enter_context(dancing(folder, *part)) for part in PARTS]


def start(folder: Path, *arguments: str, **changes: str) -> str:
    return done(folder, "start", "fulfil_order", *BUS, "--input", order(**changes), *arguments)


def test_three_processes_and_no_server(tmp_path: Path):
    with company(tmp_path) as parts:
        printed = start(tmp_path, "--wait")
        assert json.loads(printed.partition("\n")[2]) == {"parcel": "S-7", "invoice": "I-7"}
        said = refused(
            tmp_path, 1, "start", "fulfil_order", *BUS, "--wait", "--input", order(country="Mars")
        )
        assert "it is COMPENSATED: ship: no carrier goes to Mars" in said
        one = start(tmp_path, "--key", "k")
        assert start(tmp_path, "--key", "k") == one
        parts[0].wait_for(f"{one}  fulfil_order  COMPLETED")
        listed = json.loads(done(tmp_path, "list", *BUS, "--json"))["executions"]
        assert sorted(each["status"] for each in listed) == ["COMPENSATED", *["COMPLETED"] * 2]
        undone = next(each["id"] for each in listed if each["status"] == "COMPENSATED")
        shown = json.loads(done(tmp_path, "show", undone, *BUS, "--json"))
        steps = {step["ref"]: step["status"] for step in shown["steps"]}
        assert steps["charge_card"] == steps["reserve_stock"] == "UNDONE"
        assert "has ended" in refused(tmp_path, 1, "cancel", undone, *BUS)
        assert "no conductor" in refused(tmp_path, 1, "pause", undone, *BUS)
        said = refused(tmp_path, 1, "start", "fulfil", *BUS)
        assert "no choreographed workflow 'fulfil'" in said
        assert "fulfil_order" in said
        assert parts[1].stop() == 0


def test_whoever_is_away_is_waited_for(tmp_path: Path):
    """An order may be started while nobody is there, and a service may be killed on the way."""
    with company(tmp_path):
        pass  # now the folder knows who dances what
    waiting = start(tmp_path, "--key", "early")
    with dancing(tmp_path, *PARTS[0]) as first:
        with dancing(tmp_path, *PARTS[1]) as killed:
            killed.process.send_signal(signal.SIGKILL)
        shown = json.loads(done(tmp_path, "show", waiting, *BUS, "--json"))
        assert shown["status"] == "RUNNING"
        with dancing(tmp_path, *PARTS[1]), dancing(tmp_path, *PARTS[2]):
            first.wait_for(f"{waiting}  fulfil_order  COMPLETED")


def test_a_second_process_of_a_service_stands_by(tmp_path: Path):
    with dancing(tmp_path, "inventory"), dancing(tmp_path, "inventory") as second:
        assert "Standing by for another process: inventory." in second.text


def test_quiet_dancers_dance_all_the_same(tmp_path: Path):
    how = ("run", str(SHOP), "--style", "choreographed", "--quiet", *BUS)
    with background(tmp_path, *how) as dancers:
        dancers.wait_for("Ctrl-C stops")
        one = start(tmp_path, "--wait").partition("\n")[0]
        listed = json.loads(done(tmp_path, "list", *BUS, "--json"))["executions"]
        assert [(each["id"], each["status"]) for each in listed] == [(one, "COMPLETED")]
        assert dancers.stop() == 0
        assert one not in dancers.text
    assert "--quiet is for" in refused(tmp_path, 2, *how, "--port", "0")
    said = refused(tmp_path, 2, "run", str(SHOP), "--quiet")
    assert "--style choreographed" in said


def test_a_server_shows_and_starts_what_is_danced(tmp_path: Path):
    """One server for both styles: it was there before the dancers, and outlives them."""
    with background(tmp_path, "server", "--port", "0", *BUS) as server:
        ask = ("--server", server.url)
        said = refused(tmp_path, 1, "start", "fulfil_order", *ask, "--input", order())
        assert "fulfil_order" in said
        with company(tmp_path):
            one = start(tmp_path, "--wait").partition("\n")[0]
            said = done(tmp_path, "start", "fulfil_order", *ask, "--wait", "--input", order())
            two, _, output = said.partition("\n")
            assert json.loads(output) == {"parcel": "S-7", "invoice": "I-7"}
            undone = done(tmp_path, "start", "fulfil_order", *ask, "--input", order(country="Mars"))
            until_status(tmp_path, undone, "COMPENSATED", ask)
        listed = json.loads(done(tmp_path, "list", *ask, "--json"))["executions"]
        assert [each["id"] for each in listed] == [undone, two, one]
        shown = json.loads(done(tmp_path, "show", undone, *ask, "--json"))
        on_bus = json.loads(done(tmp_path, "show", undone, *BUS, "--json"))
        assert shown == on_bus
        assert shown["style"] == "choreographed"
        assert "no conductor" in refused(tmp_path, 1, "pause", undone, *ask)
        assert "has ended" in refused(tmp_path, 1, "cancel", undone, *ask)
        assert server.stop() == 0


def test_dancers_answer_for_themselves(tmp_path: Path):
    with background(
        tmp_path, "run", str(SHOP), "--style", "choreographed", *BUS, "--port", "0"
    ) as dancers:
        ask = ("--server", dancers.url)
        id = done(tmp_path, "start", "fulfil_order", *ask, "--input", order(), "--key", "k")
        assert done(tmp_path, "start", "fulfil_order", *ask, "--key", "k") == id
        until_status(tmp_path, id, "COMPLETED", ask)
        assert dancers.stop() == 0


def until_status(folder: Path, id: str, status: str, where: tuple[str, ...]) -> None:
    """It comes to this status, within a minute."""
    shown: dict[str, str] = {}
    for _ in range(120):
        shown = json.loads(done(folder, "show", id, *where, "--json"))
        if shown["status"] == status:
            return
        time.sleep(0.2)
    raise AssertionError(f"{id} is {shown['status']}, not {status}")
