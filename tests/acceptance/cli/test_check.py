"""`pavane check` on choreographed workflows: findings with file and line, and notes."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.cli.processes import pavane

APP = """\
from pavane import Service, scope, workflow

shop, bank = Service("shop"), Service("bank")

@shop.task
async def book(order: str) -> str:
    return order

@bank.task(pivot=True)
async def pay(order: str) -> str:
    return order

@shop.task
async def ship(order: str) -> str:
    return order

@shop.task(retries="forever")
async def tell(order: str) -> str:
    return order

@workflow(style=STYLE)
async def buy(order: str) -> str:
    booked = await book(order)
    paid = await pay(booked)
    async with scope("after"):
        parcel = await ship(paid)
    await tell(parcel)
    return parcel

@workflow(style=STYLE)
async def buy_twice(order: str) -> str:
    return await buy(order)
"""

SOUND = """\
from pavane import Service, workflow

shop, bank = Service("shop"), Service("bank")

@shop.task(timeout="10s")
async def unbook(order: str) -> None:
    pass

@shop.task(timeout="10s", undo=unbook)
async def book(order: str) -> str:
    return order

@bank.task(pivot=True, timeout="10s")
async def pay(order: str) -> str:
    return order

@shop.task(retries="forever", timeout="10s")
async def tell(order: str) -> str:
    return order

@workflow
async def buy(order: str) -> str:
    booked = await book(order)
    paid = await pay(booked)
    return await tell(paid)
"""


def test_a_choreographed_workflow_is_checked_with_file_and_line(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP.replace("STYLE", '"choreographed"'))
    ended = pavane(tmp_path, "check", "app.py")
    assert (ended.returncode, ended.stderr) == (1, "")
    lines = ended.stdout.splitlines()
    (book,) = [line for line in lines if "Step 'book'" in line]
    assert book.startswith("app.py:23: buy: Step 'book': it has an effect and no undo")
    (after,) = [line for line in lines if "Step 'after'" in line]
    assert after.startswith("app.py:25: buy: Step 'after': it can fail, because in it 'ship' can")
    (note,) = [line for line in lines if line.startswith("Note: ")]
    assert note.startswith("Note: buy: Step 'pay': once this pivot is passed, an operator's cancel")
    one = pavane(tmp_path, "check", "app.py:buy_twice")
    assert "by name, and its definition is not here" not in one.stdout


def test_the_same_orchestrated_has_no_findings(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP.replace("STYLE", '"orchestrated"'))
    ended = pavane(tmp_path, "check", "app.py")
    assert (ended.returncode, ended.stdout) == (0, "2 workflows, 4 tasks: no findings\n")


EVENTS = """\
from pavane import Event, Service, workflow

shop, mail = Service("shop"), Service("mail")

class Ordered(Event, type="shop.order.created.v1"):
    order: str

class Sent(Event, type="shop.parcel.sent.v1"):
    order: str

@shop.task(read_only=True)
async def look(order: str) -> str:
    return order

@workflow(started_by=Ordered)
async def buy(order: Ordered) -> str:
    return await look(order.order)

@mail.on(Sent)
async def write(event: Sent) -> None: ...
"""


def test_events_with_only_one_end_are_notes(tmp_path: Path):
    (tmp_path / "app.py").write_text(EVENTS)
    ended = pavane(tmp_path, "check", "app.py")
    assert (ended.returncode, ended.stderr) == (0, "")
    notes = [line for line in ended.stdout.splitlines() if line.startswith("Note: ")]
    assert [note.partition(";")[0] for note in notes] == [
        "Note: Event 'shop.order.created.v1' is handled by buy and emitted by nobody here",
        "Note: Event 'shop.parcel.sent.v1' is handled by mail.write and emitted by nobody here",
    ]
    assert "Note:" not in pavane(tmp_path, "check", "app.py:buy").stdout


def test_a_handler_that_cannot_be_one_is_found(tmp_path: Path):
    (tmp_path / "app.py").write_text(EVENTS.replace("event: Sent) -> None", "event: int) -> None"))
    ended = pavane(tmp_path, "check", "app.py")
    assert ended.returncode == 1
    assert "write" in ended.stdout
    assert "takes int, which is no event" in ended.stdout


def test_any_workflow_is_simulated_without_a_conductor(tmp_path: Path):
    (tmp_path / "app.py").write_text(SOUND)
    ended = pavane(tmp_path, "check", "--simulate", "app.py:buy")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[2:] == [
        "buy without a conductor, 2 roles: bank, shop",
        "  messages delivered any number of times: 66 states, 15 ends",
        "  messages delivered once: 77 states, 14 ends",
        "  aborted: nothing stands",
        "  closed: book, pay, tell",
        "  needs a human: book",
        "  needs a human: book, pay",
    ]


RACING = """
from pavane import Service, race, sleep, workflow

shop = Service("shop")

@shop.task
async def forget(item: str) -> None: ...

@shop.task(undo=forget, timeout="10s")
async def book(item: str) -> str: ...

@workflow
async def buy(item: str) -> str:
    return await race(book(item), sleep("1h")) or "late"
"""


def test_a_race_is_simulated_and_its_branches_bear_their_own_names(tmp_path: Path):
    (tmp_path / "app.py").write_text(RACING)
    ended = pavane(tmp_path, "check", "--simulate", "app.py:buy")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-3:] == [
        "  aborted: nothing stands",
        "  closed: book",
        "  closed: nothing stands",
    ]


def test_what_cannot_do_without_a_conductor_says_why(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP.replace("STYLE", '"orchestrated"'))
    ended = pavane(tmp_path, "check", "--simulate", "app.py")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "buy cannot be played without a conductor:" in ended.stdout
    assert "- Step 'book': it has an effect and no undo" in ended.stdout
