"""What must hold when all is over, however often the process was killed. Shares no code with it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pavane.core.model.rows import Header, TaskRow
from pavane.ports.store import LogEntry
from tests.acceptance.campaign.observer import Observer, Step, entries_of
from tests.acceptance.campaign.shop import KINDS, Order
from tests.acceptance.campaign.world import Attempt, Effect

ENDS = {"completed", "failed", "settled", "canceled"}
WHOLE = {"stock", "money", "parcel", "invoice"}


class Remains(NamedTuple):
    """What is there at the end: in the store, and in the world."""

    headers: Sequence[Header]
    tasks: Mapping[str, Sequence[TaskRow]]  # by execution
    log: Sequence[LogEntry]
    attempts: Sequence[Attempt]
    effects: Sequence[Effect]


def ended(remains: Remains, orders: Iterable[Order]) -> None:
    """Each order was started once, and ended as its kind must."""
    statuses = {header.key: header.status for header in remains.headers}
    assert len(remains.headers) == len(statuses), "an order was started twice"
    wanted = {order.id: KINDS[order.kind][1] for order in orders}
    # A step that was perhaps done, as its process died, is undone also when it fails later on.
    began = begun(remains.log)
    for header in remains.headers:
        again = any(n > 1 for step, n in began.items() if step.execution_id == header.id)
        if again and wanted.get(header.key) == "FAILED" and header.status == "COMPENSATED":
            wanted[header.key] = "COMPENSATED"
    assert statuses == wanted, {k: v for k, v in statuses.items() if wanted.get(k) != v}


def begun(log: Iterable[LogEntry]) -> Counter[Step]:
    """How often each attempt was handed to a worker."""
    return Counter(
        Step(record.execution_id, entry["ref"], entry["attempt"])
        for record in log
        for entry in entries_of(record)
        if entry["kind"] == "started"
    )


def effects_fit(remains: Remains) -> None:
    """What stands is what the outcome says: everything once, or nothing; undone in order."""
    by_order: dict[str, list[Effect]] = {}
    for effect in remains.effects:
        by_order.setdefault(effect.order, []).append(effect)
    for header in remains.headers:
        found = by_order.pop(header.key, [])
        counted = Counter((effect.kind, effect.sign) for effect in found)
        assert all(count == 1 for count in counted.values()), f"doubled: {header.key} {found}"
        done = {effect.kind for effect in found if effect.sign > 0}
        undone = {effect.kind for effect in found if effect.sign < 0}
        if header.status == "COMPLETED":
            assert (done, undone) == (WHOLE, set()), f"{header.key}: {found}"
        else:
            assert done == undone, f"something stands: {header.key} {header.status} {found}"
        _in_order(found)
    assert not by_order, f"effects of orders that nobody knows: {by_order}"


def _in_order(found: Sequence[Effect]) -> None:
    """Stock, money, then parcel and invoice; and back in the reverse order."""
    rank = {"stock": 0, "money": 1, "parcel": 2, "invoice": 2}
    there = [rank[effect.kind] for effect in found if effect.sign > 0]
    back = [rank[effect.kind] for effect in found if effect.sign < 0]
    assert there == sorted(there), found
    assert back == sorted(back, reverse=True), found
    assert [effect.sign for effect in found] == [1] * len(there) + [-1] * len(back), found


def nothing_lost(remains: Remains, observer: Observer) -> None:
    """Every record that was seen is there unchanged; every step seen completed still is."""
    log = {record.position: record for record in remains.log}
    for position, record in observer.records.items():
        assert log.get(position) == record, f"the log has lost or changed {record}"
    status = {
        Step(row.execution_id, row.ref, row.attempt): row.status
        for rows in remains.tasks.values()
        for row in rows
    }
    for step in observer.completed():
        assert status.get(step) == "COMPLETED", f"{step} was COMPLETED, is {status.get(step)}"


def nothing_doubled(remains: Remains, observer: Observer) -> None:
    """No transition twice; no call of a service that was not begun, or whose step was done."""
    began = begun(remains.log)
    ends: Counter[tuple[Step, str]] = Counter()
    over: set[str] = set()
    for record in remains.log:
        assert record.execution_id not in over, f"after its end: {record}"
        for entry in entries_of(record):
            if entry["kind"] == "status":
                _legal(entry["status"], record, over)
                continue
            step = Step(record.execution_id, entry["ref"], entry["attempt"])
            if entry["kind"] in ENDS:
                ends[step, entry["kind"]] += 1
    assert max(ends.values()) == 1, [each for each, count in ends.items() if count > 1]
    calls: Counter[Step] = Counter()
    done = observer.completed()
    in_one_life: Counter[tuple[int, Step]] = Counter()
    for call in remains.attempts:
        execution_id, _, ref = call.key.partition(":")
        step = Step(execution_id, ref, call.attempt - 1)
        calls[step] += 1
        in_one_life[call.life, step] += 1
        assert call.life <= done.get(step, call.life), f"{call}, after it was seen completed"
    for step, count in calls.items():
        assert count <= began[step], f"{step} was called {count} times, begun {began[step]}"
    assert max(in_one_life.values()) == 1, [each for each, n in in_one_life.items() if n > 1]


def _legal(status: str, record: LogEntry, over: set[str]) -> None:
    assert status in {"RUNNING", "COMPENSATING", "COMPLETED", "COMPENSATED", "FAILED"}, record
    if status not in {"RUNNING", "COMPENSATING"}:
        over.add(record.execution_id)
