"""A batch's rows by table, as `routine` takes them: gathered from units, in the order of locks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from msgspec.structs import astuple

from pavane.adapters.postgres import routine
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.core.model.rows import Header, TaskRow
from pavane.ports.store import Change, Unit

_Row = tuple[Any, ...]

_NUL_SHOWN: Final = "\u2400"
_NO_TEXT: Final = "22021"  # the server cannot keep such a text
_TASK: Final = {field: 3 + n for n, field in enumerate(TaskRow.__struct_fields__)}
_INPUT: Final = _TASK["input"]
_REASON: Final = (1 + Header.__struct_fields__.index("reason"), _TASK["reason"])


class Packed:
    """The rows of a batch. A row's first field is its turn: 0, unless its execution comes again.

    Of a task the second says whether it is new, the third whether it is whole: one that changes
    goes without its input, often most of it, which is there and stays as it is.
    """

    def __init__(self, counters: PostgresCounters) -> None:
        self._counters = counters
        self.turns = 0
        self.headers: list[_Row] = []
        self.tasks: list[_Row] = []
        self._left_out: dict[int, bytes] = {}  # inputs of tasks that change, by their places
        self.values: list[_Row] = []
        self.closed: list[_Row] = []
        self.ready: list[_Row] = []
        self.log: list[_Row] = []
        self.bounds: list[_Row] = []

    def __bool__(self) -> bool:
        return bool(self.headers or self.bounds)

    @property
    def rows(self) -> tuple[object, ...]:
        """The parameters of the call, behind those about the writer."""
        tables = (self.headers, self.tasks, self.values, self.closed, self.ready)
        return (self.turns, *tables, self.log, self.bounds)

    def add(self, change: Change, turn: int) -> None:
        """The rows of one change."""
        id = change.header.id
        self.headers.append((turn, *astuple(change.header)))
        self.tasks += [(turn, True, True, *astuple(task)) for task in change.new_tasks]
        for task in change.tasks:
            self._left_out[len(self.tasks)] = task.input
            row = (turn, False, False, *astuple(task))
            self.tasks.append((*row[:_INPUT], b"", *row[_INPUT + 1 :]))
        self.values += [(turn, *astuple(value)) for value in change.values]
        self.closed += [(turn, id, ref) for ref in change.closed]
        self.ready += [(turn, *astuple(ready)) for ready in change.ready]
        if change.entries:
            self.log.append((id, change.at, change.entries))

    def clean(self, state: str) -> bool:
        """Whether another try may pass: what was left out is there, or what nobody can keep is not.

        The reasons are free text, which may have a NUL.
        """
        if state == routine.PARTLY:
            return self._complete()
        if state != _NO_TEXT:
            return False
        changed = False
        for rows, place in zip((self.headers, self.tasks), _REASON, strict=True):
            for index, row in enumerate(rows):
                if "\0" in row[place]:
                    shown = row[place].replace("\0", _NUL_SHOWN)
                    rows[index] = (*row[:place], shown, *row[place + 1 :])
                    changed = True
        return changed

    def _complete(self) -> bool:
        """Put the inputs in; False where they are."""
        for place, input in self._left_out.items():
            row = self.tasks[place]
            self.tasks[place] = (*row[:2], True, *row[3:_INPUT], input, *row[_INPUT + 1 :])
        some = bool(self._left_out)
        self._left_out.clear()
        return some

    def written(self) -> None:
        """They have been: count them."""
        counters = self._counters
        counters.rows["execution"] += len(self.headers)
        counters.rows["task"] += len(self.tasks)
        counters.rows["value"] += len(self.values)
        counters.rows["ready"] += len(self.closed) + len(self.ready)
        counters.rows["log"] += len(self.log)
        counters.payload_bytes += sum(
            chain(
                (
                    len(row[_TASK["output"]]) + (len(row[_INPUT]) if row[1] else 0)
                    for row in self.tasks
                ),
                (len(row[3]) for row in self.values),
                (len(row[2]) for row in self.log),
            )
        )


def pack(units: Sequence[Unit], counters: PostgresCounters) -> Packed:
    """The rows of the units.

    An execution that comes again begins another turn. So does one that gives its key away: what
    comes before it finds the key taken.
    """
    packed = Packed(counters)
    turn = 0
    seen: set[str] = set()
    for unit in units:
        for change in unit.changes:
            header = change.header
            if header.id in seen or (header.successor and seen):
                turn += 1
                seen.clear()
            seen.add(header.id)
            packed.add(change, turn)
        packed.bounds += map(astuple, unit.bounds)
    packed.turns = turn + 1
    packed.headers.sort(key=lambda row: (row[0], row[1]))
    return packed
