"""The examples, unchanged, in every style on each pair of a database and a bus: one outcome.

Nothing but the two URLs differs. Each pair has a server, workers that take their tasks from the
bus, dancers, and both at once, as commands that a user types.
"""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import pytest

from pavane.core.model.status import ENDED
from tests.acceptance.cli.processes import background
from tests.postgres import apart, ask

APP = str(Path(__file__).with_name("every_example.py"))
PATIENCE_S = 60.0
PAIRS = [(kept, bus) for kept in ("sqlite", "postgresql") for bus in ("embedded", "kafka", "amqp")]


class Case(NamedTuple):
    """One execution: what is said to it meanwhile, how it ends, what stands and what was undone."""

    workflow: str
    input: dict[str, Any]
    status: str
    ends: Any  # its output, or the last words of the reason
    stands: set[str]  # tasks that were done and not undone
    undone: set[str] = set()  # noqa: RUF012  # at least: what ran beside a failure may have been
    answer: dict[str, Any] | None = None  # of the person that it asks
    event: dict[str, Any] | None = None  # that it waits for
    in_hybrid: str = ""  # how the whole ends where all that there was to undo was in a scope of it


LEFT = {"orchestrated": 7000, "hybrid": 4000, "choreographed": 1000}
"""What Ann has behind each style, one after the other."""


def in_style(case: Case, style: str) -> Case:
    """What events are about is another thing in each style: they stay on the bus, and are heard."""
    text = json.dumps([case.input, case.ends, case.event])
    input, ends, event = json.loads(
        text.replace('"LEFT"', str(LEFT[style])).replace("STYLE", style)
    )
    status = (style == "hybrid" and case.in_hybrid) or case.status
    return case._replace(input=input, ends=ends, event=event, status=status)


def _order(**changes: Any) -> dict[str, Any]:
    plain = {"id": "7", "customer": "Byrd", "item": "lute", "card": "4111", "country": "CH"}
    return {"order": {**plain, "quantity": 2, **changes}}


def _trip(**changes: Any) -> dict[str, Any]:
    plain = {"id": "7", "traveller": "Byrd", "place": "Mantua", "nights": 3, "limit": "1000"}
    return {"trip": {**plain, **changes}}


def _colleague(laptop: str) -> dict[str, Any]:
    who = {"id": "STYLE", "name": "Anna Magdalena", "lead": "Johann", "laptop": laptop}
    return {"colleague": {**who, "first_day": "2026-02-02T09:00:00Z"}}


BOOKED = {"quote", "book_flight", "book_room", "reserve_car"}
YES = {"approved": True, "by": "Tallis"}
SIGNED = {
    "type": "company.papers.signed.v1",
    "data": {"colleague": "STYLE", "folder": "F"},
}
PAID = {"type": "shop.order.paid.v1", "data": {"order": "STYLE", "payment": "4711"}}
TAKEN_IN = {"make_account", "send_papers", "order_laptop", "make_badge", "welcome"}

CASES: Final = {
    "shop: goes through": Case(
        *("fulfil_order", _order(), "COMPLETED", {"parcel": "S-7", "invoice": "I-7"}),
        {"reserve_stock", "charge_card", "ship", "send_invoice"},
    ),
    "shop: card declined": Case(
        *("fulfil_order", _order(card="4000-0000-0000-0002"), "COMPENSATED", "card declined"),
        set(),
        {"reserve_stock", "charge_card"},
    ),
    "shop: sold out": Case(
        *("fulfil_order", _order(item="harpsichord"), "FAILED", "harpsichord is sold out"), set()
    ),
    "shop: no carrier": Case(
        *("fulfil_order", _order(country="Mars"), "COMPENSATED", "no carrier goes to Mars"),
        set(),
        {"reserve_stock", "charge_card"},
    ),
    "travel: within the limit": Case(
        *("book_trip", _trip(), "COMPLETED"),
        {"flight": "F-7", "hotel": "H-7", "car": "C-7", "total": "550"},
        BOOKED,
    ),
    "travel: approved": Case(
        *("book_trip", _trip(id="8", limit="100"), "COMPLETED"),
        {"flight": "F-8", "hotel": "H-8", "car": "C-8", "total": "550"},
        BOOKED | {"quote_2"},
        answer=YES,
    ),
    "travel: no room": Case(
        *("book_trip", _trip(place="Uppsala"), "COMPENSATED", "no room in Uppsala"),
        {"quote"},
        in_hybrid="FAILED",
    ),
    "travel: no such place": Case(
        *("book_trip", _trip(place="Utopia"), "FAILED", "nobody goes to Utopia"), set()
    ),
    "onboarding: comes": Case(
        *("take_in", _colleague("a small one"), "COMPLETED"),
        {"login": "anna.magdalena", "laptop": "L-STYLE", "badge": "B-STYLE", "reminders": 0},
        TAKEN_IN,
        answer=YES,
        event=SIGNED,
    ),
}
WEB: Final = {
    "web: paid": Case(
        *("sell", {"order": {"id": "STYLE", "item": "lute"}}, "COMPLETED"),
        {"parcel": "S-STYLE", "payment": "4711"},
        {"set_aside", "ship"},
        event=PAID,
    ),
    "web: sold out": Case(
        *("sell", {"order": {"id": "q", "item": "harpsichord"}}, "FAILED"),
        *("the harpsichord is sold out", set()),
    ),
}
BANK: Final = {
    "bank: moved": Case(
        *("transfer", {"source": "ann", "target": "bob", "cents": 3000}, "COMPLETED"),
        {"result": "LEFT"},
        {"withdraw", "deposit"},
    ),
    "bank: unknown": Case(
        *("transfer", {"source": "bob", "target": "eve", "cents": 0}, "COMPENSATED"),
        *("there is no account eve", set()),
        {"withdraw"},
    ),
}
"""Its functions ask for a connection to PostgreSQL."""


class Place(NamedTuple):
    """The two URLs, and a folder for what is in files."""

    folder: Path
    store: str
    bus: str
    ledger: tuple[str, ...]  # options


@pytest.fixture
def place(pair: tuple[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    kept, bus = pair
    mark = uuid.uuid4().hex[:12]
    buses = {
        "embedded": lambda: "embedded:bus",
        "kafka": lambda: f"{request.getfixturevalue('kafka_url')}?partitions=2&prefix={mark}-",
        "amqp": lambda: f"{request.getfixturevalue('rabbitmq_url')}?prefix={mark}-",
    }
    if kept == "sqlite":
        yield Place(tmp_path, "sqlite:///pavane.db", buses[bus](), ())
        return
    server = request.getfixturevalue("postgres_url")
    apart(ask(server, f"CREATE DATABASE pair_{mark}"))
    url = server.rpartition("/")[0] + f"/pair_{mark}"
    yield Place(tmp_path, url, buses[bus](), ("--ledger", url))
    apart(ask(server, f"DROP DATABASE pair_{mark} WITH (FORCE)"))


@pytest.mark.parametrize("web", [False, True], ids=["all", "web"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_example_ends_alike_in_every_style(place: Place, *, web: bool):
    """The web shop is on its own: two services have a task `ship`."""
    of_bank = bool(place.ledger) and not web
    cases = WEB if web else CASES | BANK if of_bank else CASES
    wanted = "web" if web else "bank" if of_bank else ""
    bus = ("--bus", place.bus)
    with ExitStack() as stack:
        serve = ("server", "--port", "0", "--store", place.store, *bus)
        server = stack.enter_context(background(place.folder, *serve))
        work = ("run", APP, "--server", server.url, *bus, *place.ledger)
        with running(place, (*work, "--tasks", "bus"), wanted):
            tell(cases, server.url, "orchestrated")
        if not web:  # its own process is of one style
            with running(place, (*work, "--style", "hybrid", "--overwrite"), f"hybrid {wanted}"):
                tell(cases, server.url, "hybrid")
        assert server.stop() == 0
    dance = ("run", APP, "--style", "choreographed", *bus, *place.ledger, "--port", "0")
    with running(place, dance, wanted) as url:
        tell(cases, url, "choreographed")


@contextmanager
def running(place: Place, command: Sequence[str], examples: str) -> Iterator[str]:
    """`pavane run`, ready; where it answers, if it does."""
    with background(place.folder, *command, PAVANE_EXAMPLES=examples) as it:
        it.wait_for("Ctrl-C stops")
        yield it.url if "--port" in command else ""
        assert it.stop() == 0


def tell(cases: dict[str, Case], url: str, style: str) -> None:
    """All cases side by side; each ends as it should."""
    cases = {name: in_style(case, style) for name, case in cases.items()}
    with httpx2.Client(base_url=url, timeout=30.0) as client:
        ids = {}
        for name, case in cases.items():
            asked = {"input": case.input, "key": f"{style} {name}"}
            path = f"/v1/workflows/{case.workflow}/executions"
            ids[name] = _ok(client.post(path, json=asked))["id"]
        waiting = {name: case for name, case in cases.items() if case.answer or case.event}
        until = time.monotonic() + PATIENCE_S
        while waiting:
            assert time.monotonic() < until, f"{style}: never waited: {sorted(waiting)}"
            for name, case in list(waiting.items()):
                if _told(client, ids[name], case, style):
                    waiting[name] = case._replace(event=None)
                    if case.event is None:
                        del waiting[name]
            waiting = {name: case for name, case in waiting.items() if case.answer or case.event}
            time.sleep(0.05)
        for name, case in cases.items():
            _ended(client, ids[name], case, f"{style}, {name}")


def _told(client: httpx2.Client, id: str, case: Case, style: str) -> bool:
    """Whether it waited for what it is told now: first the event, then the answer."""
    if case.event is not None:
        steps = _ok(client.get(f"/v1/executions/{id}"))["steps"]
        waits = [each for each in steps if each["ref"].startswith("wait_for")]
        if not any(each["status"] in {"SCHEDULED", "IN_PROGRESS"} for each in waits):
            return False
        event = {**case.event, "id": f"{style} {id}"}
        _ok(client.post("/v1/events", json=event))
        return True
    people = _ok(client.get("/v1/people"))["questions"]
    for asked in people:
        if asked["executionId"] == id:
            path = f"/v1/executions/{id}/signal/{asked['ref']}"
            _ok(client.post(path, json={"output": case.answer}))
            return True
    return False


def _ended(client: httpx2.Client, id: str, case: Case, name: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while (found := _ok(client.get(f"/v1/executions/{id}")))["status"] not in ENDED:
        assert time.monotonic() < until, f"{name}: {found}"
        time.sleep(0.05)
    assert found["status"] == case.status, f"{name}: {found['reason']}"
    if case.status == "COMPLETED":
        assert found["output"] == case.ends, name
    else:
        assert found["reason"].endswith(case.ends), f"{name}: {found['reason']}"
    ours = [each for each in _steps(client, found) if not each["undoes"]]
    known = {each["ref"] for each in ours if each["status"] == "COMPLETED"}
    assert known == case.stands, name
    undone = {each["ref"] for each in ours if each["status"] == "UNDONE"}
    assert undone >= case.undone, name


def _steps(client: httpx2.Client, execution: Any) -> Iterator[Any]:
    """Those that are tasks, also of the scopes of another style, which are steps themselves."""
    for step in execution["steps"]:
        if step["task"] == "choreographed_scope":
            key = f"{execution['id']}:{step['ref']}"
            for scope in _ok(client.get("/v1/executions", params={"key": key}))["executions"]:
                yield from _steps(client, _ok(client.get(f"/v1/executions/{scope['id']}")))
        elif step["type"] == "SIMPLE":
            yield step


def _ok(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
