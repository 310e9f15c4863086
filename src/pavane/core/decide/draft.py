"""The working copy of one decision: rows read through, rows written, entries and commands made."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from pavane.core.decide.branches import made_node, node_of
from pavane.core.decide.nodes import UNDO, Node
from pavane.core.decide.plan import Plan
from pavane.core.decide.roots import NoRoots, Roots
from pavane.core.model import status
from pavane.core.model.command import Close, Command, Finished
from pavane.core.model.rows import OWN, Header, Key, Ready, TaskRow

_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


class RowMissingError(Exception):
    """The decision needs rows that were not given: the answer is Need."""

    def __init__(self, keys: Collection[Key]) -> None:
        super().__init__(keys)
        self.keys = frozenset(keys)


class Page(msgspec.Struct, frozen=True):
    """Some Ready rows of an execution, by ref; `next` is where the next page begins, if any."""

    rows: tuple[Ready, ...] = ()
    next: str = ""


class Rows(msgspec.Struct):
    """What is known of one execution: a name that maps to None is known to be absent."""

    header: Header
    tasks: dict[str, TaskRow | None] = {}
    values: dict[str, bytes | None] = {}
    pages: dict[str, Page] = {}
    decoded: dict[bytes, Any] = {}  # payloads that have been read already


class Failure(NamedTuple):
    """Why forward progress ends, and the attempt with which it does, if it is one."""

    cause: str
    reason: str
    row: TaskRow | None


class Draft:
    """A decision in the making. Reads fall through to the given rows; writes stay in here."""

    __slots__ = (
        "_decoded",
        "added",
        "agenda",
        "beginning",
        "changed",
        "commands",
        "entries",
        "failure",
        "given",
        "header",
        "inputs",
        "iterations",
        "losers",
        "newest",
        "now",
        "plan",
        "resuming",
        "undone",
        "values",
    )

    def __init__(self, plan: Plan, rows: Rows, now: int) -> None:
        self.plan = plan
        self.now = now
        self.header = copy.copy(rows.header)
        self.given = rows
        self.added: dict[tuple[str, int], TaskRow] = {}  # attempts made here, by ref and attempt
        self.changed: dict[tuple[str, int], TaskRow] = {}  # those that were there
        self.newest: dict[str, TaskRow] = {}  # of all these, the newest attempt of each step
        self.values: dict[str, bytes] = {}
        self.entries: list[dict[str, Any]] = []
        self.commands: list[Command] = []
        self.agenda: list[str] = []  # steps to begin
        self.beginning: dict[str, Node] = {}  # branches made at run time that begin in here
        self.inputs: dict[str, bytes] = {}  # and with what
        self.resuming = False  # steps that begin may have begun before
        self.failure: Failure | None = None  # forward progress is over, and why
        self.iterations = 0  # begun in this decision
        self.losers: list[str] = []  # branches that lost a race, and are to be undone
        self.undone = False  # the way back has come to the start
        self._decoded = rows.decoded

    # --- reading --------------------------------------------------------------------------------

    def require(self, keys: Collection[Key]) -> None:
        """Ask for all rows that are not here yet, at once."""
        missing = [
            (kind, name)
            for kind, name in keys
            if (
                name not in self.given.tasks and name not in self.newest
                if kind == "task"
                else name not in self.given.values and name not in self.values
            )
        ]
        if missing:
            raise RowMissingError(missing)

    def task(self, ref: str) -> TaskRow | None:
        """The newest attempt at a step, or None when it was never begun."""
        row = self.newest.get(ref)
        if row is not None:
            return row
        try:
            return self.given.tasks[ref]
        except KeyError:
            raise RowMissingError([("task", ref)]) from None

    def node(self, ref: str) -> Node:
        """The node of a step or of its undo; KeyError where there is no such step."""
        ref = ref.removeprefix(UNDO)
        try:
            return self.plan.nodes[ref]
        except KeyError:
            if ref in self.beginning:
                return self.beginning[ref]
            row = self.task(ref)
            if row is None or not row.branch:
                raise
        return made_node(self.plan, ref, row.branch)

    def value(self, name: str) -> bytes | None:
        """A value of the execution as JSON, or None when it is not set."""
        if name in self.values:
            return self.values[name]
        try:
            return self.given.values[name]
        except KeyError:
            raise RowMissingError([("value", name)]) from None

    def page(self, after: str) -> Page:
        """The next page of Ready rows behind a ref."""
        try:
            return self.given.pages[after]
        except KeyError:
            raise RowMissingError([("open", after)]) from None

    def json(self, body: bytes) -> Any:
        """A payload decoded, once in a decision. Nobody changes what it gives."""
        if not body:
            return {}
        try:
            return self._decoded[body]
        except KeyError:
            value = self._decoded[body] = _decode(body)
            return value

    # --- writing --------------------------------------------------------------------------------

    def add(self, row: TaskRow) -> TaskRow:
        """A new attempt at a step."""
        self.added[row.ref, row.attempt] = row
        self.newest[row.ref] = row
        self.header.seq += 1
        if row.status in status.OPEN:
            self.header.open += 1
            self.header.undoable_open += self._may_be_undone(row)
        return row

    def _may_be_undone(self, row: TaskRow) -> bool:
        return not row.ref.startswith(UNDO) and node_of(self.plan, row).reversible

    def change(self, row: TaskRow, new_status: str = "", **changes: Any) -> TaskRow:
        """A new version of an attempt; its status may only change as the table allows."""
        if new_status:
            if not status.may_change(status.TASK_CHANGES, row.status, new_status):
                raise AssertionError(f"task {row.ref}: {row.status} cannot become {new_status}")
            was_open, is_open = row.status in status.OPEN, new_status in status.OPEN
            if was_open != is_open:
                self.header.open += is_open - was_open
                self.header.undoable_open += (is_open - was_open) * self._may_be_undone(row)
            changes["status"] = new_status
        changes["updated_at"] = self.now
        return self.put(structs.replace(row, **changes))

    def put(self, row: TaskRow) -> TaskRow:
        """A new version of an attempt, made elsewhere."""
        key = (row.ref, row.attempt)
        (self.added if key in self.added else self.changed)[key] = row
        self.newest[row.ref] = row
        return row

    def become(self, new_status: str) -> None:
        """Change the execution's status, as the table allows."""
        old = self.header.status
        if not status.may_change(status.EXECUTION_CHANGES, old, new_status):
            raise AssertionError(f"execution {self.header.id}: {old} cannot become {new_status}")
        self.header.status = new_status
        if new_status in status.ENDED or new_status == status.NEEDS_ATTENTION:
            self.commands.append(Finished(status=new_status))
        if new_status in status.ENDED:
            self.header.ended_at = self.now
            self.header.deadline_at = 0
            if self.plan.key is not None:  # its place, or where it stood for one
                self.commands.append(Close(OWN))
        elif old in status.ENDED:
            self.header.ended_at = 0
        self.log("status", status=new_status, reason=self.header.reason)

    def log(self, kind: str, ref: str = "", attempt: int = -1, **more: Any) -> None:
        """An entry for the log: what was established."""
        entry: dict[str, Any] = {"kind": kind}
        if ref:
            entry["ref"] = ref
        if attempt >= 0:
            entry["attempt"] = attempt
        for name, value in more.items():
            if value or value == 0:
                entry[name] = value
        self.entries.append(entry)

    def abort_because(self, cause: str, reason: str, row: TaskRow | None) -> None:
        """Forward progress ends here; the first reason given is the one that stands."""
        if self.failure is None:
            self.failure = Failure(cause, reason, row)

    def do(self, command: Command) -> None:
        """Something to be done when the decision is committed."""
        self.commands.append(command)

    # --- expressions ----------------------------------------------------------------------------

    def render(self, node: Node) -> dict[str, Any]:
        """The input of a step. Raises ExpressionError."""
        if node.branch:
            return self._given(node)
        template = node.template
        if template.constant:
            task_input: dict[str, Any] = template.render(NoRoots)
        else:
            self.require(node.keys)
            task_input = template.render(Roots(self, node.views, node))
        for name, fallback in node.fallbacks.items():
            if task_input[name] is None:
                task_input[name] = fallback.render(Roots(self, None, node))
        return task_input

    def _given(self, node: Node) -> dict[str, Any]:
        """What a branch made at run time begins with: as planned, or as it began before."""
        body = self.inputs.get(node.ref)
        if body is None:
            row = self.task(node.ref)
            assert row is not None
            body = row.input
        given: dict[str, Any] = self.json(body)
        return given


def encode(value: Any) -> bytes:
    """JSON bytes of a value that came out of a template."""
    return _encode(value)
