"""Views put together from rows that were filled in by hand."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model.rows import Header, Ready, TaskRow, Value
from pavane.core.model.workflow import Step, Workflow, content_hash
from pavane.engine.views.progress import progress_text
from pavane.engine.views.reader import Reader
from pavane.errors import NotFoundError
from pavane.ports.store import Change, Search, StoredWorkflow, Unit

pytestmark = pytest.mark.anyio

WORKFLOW = Workflow(
    name="fulfil_order",
    tasks=[
        Step(name="reserve_stock", task_reference_name="reserve_stock"),
        Step(
            type="FORK_JOIN",
            task_reference_name="gather",
            fork_tasks=[
                [Step(name="ship", task_reference_name="ship")],
                [Step(name="send_invoice", task_reference_name="send_invoice")],
            ],
        ),
        Step(type="JOIN", task_reference_name="join", join_on=["ship", "send_invoice"]),
    ],
)
HASH = content_hash(WORKFLOW)


def header(id: str = "e1", status: str = "COMPLETED", **more: object) -> Header:
    fixed = {"workflow": "fulfil_order", "version": 1, "definition": HASH, "revision": 1}
    return msgspec.convert({"id": id, "status": status, **fixed, **more}, Header)


def row(ref: str, status: str, seq: int, attempt: int = 0, **more: object) -> TaskRow:
    fixed = {"execution_id": "e1", "type": "SIMPLE", "name": ref, "service": "shop"}
    given = {"ref": ref, "status": status, "seq": seq, "attempt": attempt}
    return msgspec.convert({**fixed, **given, **more}, TaskRow)


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore()
    await store.open()
    await store.put_definition(HASH, msgspec.json.encode(WORKFLOW), 1)
    await store.put_workflow(StoredWorkflow("fulfil_order", 1, HASH, 1))
    yield store
    await store.close()


async def put(store: MemoryStore, head: Header, **rows: Any) -> None:
    change = msgspec.structs.replace(Change(head), **rows)
    assert await store.commit([Unit([change])]) == set()


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (b"0.405", "40%"),
        (b"1", "100%"),
        (b"7", "7"),
        (b"true", "true"),
        (b'"page 3\\nof 9"', "page 3"),
        (b'{"page":3}', '{"page":3}'),
    ],
)
async def test_progress_shows_while_the_attempt_goes_on(store: MemoryStore, told: bytes, text: str):
    values = [Value("e1", "progress:ship", b'{"attempt":1,"value":' + told + b"}")]
    first = row("ship", "FAILED", 1)
    going = row("ship", "IN_PROGRESS", 2, 1)
    await put(store, header(status="RUNNING"), new_tasks=[first, going], values=values)
    (step,) = (await Reader(store).execution("e1")).steps
    assert bytes(step.progress) == told and progress_text(step) == text


@pytest.mark.parametrize(("status", "attempt"), [("IN_PROGRESS", 0), ("COMPLETED", 1)])
async def test_old_progress_does_not_show(store: MemoryStore, status: str, attempt: int):
    values = [Value("e1", "progress:ship", b'{"attempt":%d,"value":1}' % attempt)]
    rows = [row("ship", "FAILED", 1), row("ship", status, 2, 1)]
    await put(store, header(status="RUNNING"), new_tasks=rows, values=values)
    (step,) = (await Reader(store).execution("e1")).steps
    assert bytes(step.progress) == b"null" and progress_text(step) == ""


async def test_attempts_become_one_step(store: MemoryStore):
    rows = [
        row("reserve_stock", "FAILED", 1, reason="timed out", scheduled_at=5),
        row("reserve_stock", "COMPLETED", 2, 1, output=b'{"id":"R"}', scheduled_at=9),
    ]
    await put(store, header(), new_tasks=rows, values=[Value("e1", "input", b'{"order":1}')])
    view = await Reader(store).execution("e1")
    (step,) = view.steps
    assert (step.ref, step.status, step.attempts, step.scheduled_at) == (
        "reserve_stock",
        "COMPLETED",
        2,
        5,
    )
    assert [(each.attempt, each.reason) for each in step.earlier] == [(1, "timed out")]
    assert msgspec.json.decode(step.output) == {"id": "R"}
    assert msgspec.json.decode(view.input) == {"order": 1}
    assert msgspec.json.decode(view.output) is None


async def test_a_join_shows_what_it_joined(store: MemoryStore):
    rows = [
        row("join", "COMPLETED", 1, type="JOIN", service=""),
        row("ship", "COMPLETED", 2, output=b'{"parcel":"S"}'),
        row("send_invoice", "COMPLETED", 3, output=b'{"number":7}'),
    ]
    await put(store, header(), new_tasks=rows)
    view = await Reader(store).execution("e1")
    assert msgspec.json.decode(view.steps[0].output) == {
        "ship": {"parcel": "S"},
        "send_invoice": {"number": 7},
    }


async def test_an_undone_step_says_so_and_its_undo_is_a_step(store: MemoryStore):
    rows = [
        row("reserve_stock", "COMPLETED", 1),
        row("ship", "FAILED_WITH_TERMINAL_ERROR", 2, reason="no carrier"),
        row("undo:reserve_stock", "COMPLETED", 3, name="release_stock"),
    ]
    await put(store, header(status="COMPENSATED", cause="FAILED"), new_tasks=rows)
    steps = {step.ref: step for step in (await Reader(store).execution("e1")).steps}
    assert (steps["reserve_stock"].status, steps["reserve_stock"].undo) == ("UNDONE", "COMPLETED")
    assert (steps["ship"].status, steps["ship"].undo) == ("FAILED_WITH_TERMINAL_ERROR", "")
    assert steps["undo:reserve_stock"].undoes == "reserve_stock"
    assert steps["undo:reserve_stock"].task == "release_stock"


async def test_an_undo_that_gave_up_waits_for_a_person(store: MemoryStore):
    rows = [
        row("reserve_stock", "COMPLETED", 1),
        row("undo:reserve_stock", "FAILED", 2, name="release_stock", reason="locked"),
    ]
    ready = [Ready("e1", "undo:reserve_stock", 0, mark="parked")]
    head = header(status="NEEDS_ATTENTION", cause="FAILED", parked=1)
    await put(store, head, new_tasks=rows, ready=ready)
    view = await Reader(store).execution("e1")
    (waiting,) = view.attention
    assert (waiting.ref, waiting.task, waiting.reason) == (
        "undo:reserve_stock",
        "release_stock",
        "locked",
    )
    assert view.steps[0].status == "COMPLETED", "not undone yet"


async def test_what_waits_behind_a_pivot_is_the_step_that_failed(store: MemoryStore):
    rows = [row("ship", "FAILED", 1, reason="down")]
    head = header(status="NEEDS_ATTENTION", pivot="pay", pivot_passed=True, failed_ref="ship")
    await put(store, msgspec.structs.replace(head, parked=1), new_tasks=rows)
    (waiting,) = (await Reader(store).execution("e1")).attention
    assert waiting.ref == "ship"


async def test_lists_are_newest_first(store: MemoryStore):
    for id in ("e1", "e3", "e2"):
        await put(store, header(id, status="RUNNING" if id == "e2" else "COMPLETED"))
    reader = Reader(store)
    assert [each.id for each in await reader.executions(Search())] == ["e3", "e2", "e1"]
    found = await reader.executions(Search(statuses=("COMPLETED",), before="e3"))
    assert [each.id for each in found] == ["e1"]
    assert [each.id for each in await reader.several(["e2", "none", "e1"])] == ["e2", "e1"]


async def test_history_is_the_log(store: MemoryStore):
    await put(store, header(), entries=b'[{"fact":"started"}]', at=7)
    (entry,) = await Reader(store).history("e1")
    assert (entry.at, msgspec.json.decode(entry.entries)) == (7, [{"fact": "started"}])


async def test_what_is_not_there_is_told(store: MemoryStore):
    reader = Reader(store)
    with pytest.raises(NotFoundError, match="no execution 'e9'"):
        await reader.execution("e9")
    with pytest.raises(NotFoundError, match="no execution 'e9'"):
        await reader.history("e9")
    with pytest.raises(NotFoundError, match=r"no workflow 'nope'.*fulfil_order"):
        await reader.definition("nope")
    with pytest.raises(NotFoundError, match="no version 4"):
        await reader.definition("fulfil_order", 4)
    assert msgspec.json.decode(await reader.definition("fulfil_order"))["name"] == "fulfil_order"
