"""Promise 7: timely. What has to be done later, and what somebody works on."""

from __future__ import annotations

from pavane.ports.ledger import Entry, Ledger, Todo
from pavane.testing.contracts.ledger.harness import LedgerHarness, bare

_ALL = 1_000


def _timer(id: str, name: str, due: int) -> Todo:
    return Todo(id, name, due, body=name.encode())


def _work(id: str, name: str, queue: str = "q", due: int = 0) -> Todo:
    return Todo(id, name, due, queue, body=b"{}")


class WaitingTests(LedgerHarness):
    """`due`, `next_due`, `work`."""

    async def test_timely_due_earliest_first(self, ledger: Ledger) -> None:
        """By time, then execution, then name; nothing before its time, no more than asked for."""
        wanted = [
            _timer("c", "z", 5),
            _timer("a", "x", 20),
            _timer("a", "y", 20),
            _timer("b", "a", 20),
            _timer("a", "w", 31),
        ]
        a = [wanted[4], wanted[2], wanted[1]]
        await ledger.commit([bare("b", todos=[wanted[3]]), bare("a", todos=a)])
        await ledger.commit([bare("c", todos=[wanted[0]])])
        assert await ledger.due(4, _ALL) == []
        assert await ledger.due(5, _ALL) == wanted[:1]
        assert await ledger.due(19, _ALL) == wanted[:1]
        assert await ledger.due(20, _ALL) == wanted[:4]
        assert await ledger.due(31, _ALL) == wanted
        assert await ledger.due(31, 2) == wanted[:2]
        assert await ledger.due(31, 0) == []
        assert await ledger.next_due() == 5

    async def test_timely_by_number_not_by_text(self, ledger: Ledger) -> None:
        """9 comes before 10, and both before the end of the world."""
        todos = [_timer("a", "x", 10), _timer("a", "y", 9), _timer("a", "z", 2**62)]
        await ledger.commit([bare("a", todos=todos)])
        assert await ledger.due(2**62, _ALL) == [todos[1], todos[0], todos[2]]
        assert await ledger.next_due() == 9

    async def test_timely_a_todo_replaces_the_one_of_its_name(self, ledger: Ledger) -> None:
        """In later entries and in the same batch; that of another execution stays."""
        await ledger.commit([bare("a", todos=[_timer("a", "x", 10)])])
        await ledger.commit([bare("b", todos=[_timer("b", "x", 11)])])
        await ledger.commit([bare("a", 1, todos=[_timer("a", "x", 50)])])
        assert await ledger.due(99, _ALL) == [_timer("b", "x", 11), _timer("a", "x", 50)]
        await ledger.commit([bare("a", 2, todos=[_timer("a", "x", 7)])])
        assert await ledger.next_due() == 7
        assert await ledger.due(99, _ALL) == [_timer("a", "x", 7), _timer("b", "x", 11)]
        later = [
            bare("a", 3, todos=[_timer("a", "x", 60)]),
            bare("a", 4, todos=[_timer("a", "x", 8)]),
        ]
        await ledger.commit(later)
        assert await ledger.due(99, _ALL) == [_timer("a", "x", 8), _timer("b", "x", 11)]

    async def test_timely_what_is_done_goes_before_what_comes(self, ledger: Ledger) -> None:
        """`done` takes todos of the entry's execution alone; a name that is not there is fine."""
        await ledger.commit([bare(id, todos=[_timer(id, "x", 10)]) for id in "ab"])
        await ledger.commit([bare("a", 1, done=["x", "nothing"])])
        assert await ledger.due(99, _ALL) == [_timer("b", "x", 10)]
        await ledger.commit([bare("b", 1, done=["x"], todos=[_timer("b", "x", 12)])])
        assert await ledger.due(99, _ALL) == [_timer("b", "x", 12)]
        await ledger.commit([bare("b", 2, done=["x"])])
        assert await ledger.due(99, _ALL) == []
        assert await ledger.next_due() == 0

    async def test_timely_work_is_no_timer(self, ledger: Ledger) -> None:
        """Work comes by execution and name, behind the given one, and whether due or not."""
        wanted = [_work("a", "B"), _work("a", "b", "other", due=99), _work("ab", "a")]
        timers = [_timer("a", "t", 7)]
        await ledger.commit([bare("ab", todos=wanted[2:]), bare("a", todos=wanted[:2] + timers)])
        assert await ledger.work(("", ""), _ALL) == wanted
        assert await ledger.work(("a", "B"), _ALL) == wanted[1:]
        assert await ledger.work(("a", "b"), 1) == wanted[2:]
        assert await ledger.work(("a", "a"), 1) == wanted[1:2]
        assert await ledger.work(("ab", "a"), _ALL) == []
        assert await ledger.work(("", ""), 0) == []
        assert await ledger.due(2**62, _ALL) == timers
        assert await ledger.next_due() == 7

    async def test_timely_work_becomes_a_timer_and_back(self, ledger: Ledger) -> None:
        """A retry waits under the same name; a todo stands in one place at a time."""
        await ledger.commit([bare("a", todos=[_work("a", "x")])])
        await ledger.commit([bare("a", 1, todos=[_timer("a", "x", 9)])])
        assert await ledger.work(("", ""), _ALL) == []
        assert await ledger.due(9, _ALL) == [_timer("a", "x", 9)]
        await ledger.commit([bare("a", 2, todos=[_work("a", "x")])])
        assert await ledger.work(("", ""), _ALL) == [_work("a", "x")]
        assert await ledger.next_due() == 0
        await ledger.commit([bare("a", 3, done=["x"])])
        assert await ledger.work(("", ""), _ALL) == []

    async def test_timely_a_todo_of_no_execution(self, ledger: Ledger) -> None:
        """Handlers that belong to no execution have timers too."""
        await ledger.commit([Entry(message="m", todos=[_timer("", "x", 3), _work("", "y")])])
        assert await ledger.due(3, _ALL) == [_timer("", "x", 3)]
        assert await ledger.work(("", ""), _ALL) == [_work("", "y")]
        await ledger.commit([Entry(message="n", done=["x", "y"])])
        assert await ledger.next_due() == 0
        assert await ledger.work(("", ""), _ALL) == []
