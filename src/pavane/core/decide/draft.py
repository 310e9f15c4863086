"""The working copy of one decision: rows read through, rows written, entries and commands made."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from pavane.core.decide.plan import UNDO, Node, Plan
from pavane.core.model import status
from pavane.core.model.command import Command, Finished
from pavane.core.model.rows import Header, Key, Ready, TaskRow

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
        self.resuming = False  # steps that begin may have begun before
        self.failure: Failure | None = None  # forward progress is over, and why
        self.undone = False  # the way back has come to the start
        self._decoded = rows.decoded

    # --- reading --------------------------------------------------------------------------------

    def require(self, keys: Collection[Key]) -> None:
        """Ask for all rows that are not here yet, at once."""
        for key in keys:
            if not self._has(key):
                raise RowMissingError([key for key in keys if not self._has(key)])

    def _has(self, key: Key) -> bool:
        kind, name = key
        if kind == "task":
            return name in self.newest or name in self.given.tasks
        if kind == "value":
            return name in self.values or name in self.given.values
        return name in self.given.pages

    def task(self, ref: str) -> TaskRow | None:
        """The newest attempt at a step, or None when it was never begun."""
        row = self.newest.get(ref)
        if row is not None:
            return row
        try:
            return self.given.tasks[ref]
        except KeyError:
            raise RowMissingError([("task", ref)]) from None

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
        if row.ref.startswith(UNDO):
            return False
        node = self.plan.nodes[row.ref]
        return node.undo is not None or node.type == "SUB_WORKFLOW"

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
        template = node.template
        if template.constant:
            return template.render(NoRoots)
        self.require(node.keys)
        return template.render(Roots(self, None if template.dynamic else template.reads))


class NoRoots:
    """For templates that read nothing."""

    @staticmethod
    def root(name: str) -> object:
        """There is none."""
        raise KeyError(name)


class Roots:
    """What expressions see: `workflow` and the steps by name, built only as far as is read."""

    def __init__(self, draft: Draft, reads: Collection[Any] | None) -> None:
        self.draft = draft
        self.reads = reads
        self._built: dict[str, object] = {}

    def root(self, name: str) -> object:
        """The object behind a root; KeyError when there is no such root."""
        if name in self._built:
            return self._built[name]
        wanted = self._wanted(name)
        if name == "workflow":
            built: object = self._workflow(wanted)
        elif name in self.draft.plan.nodes:
            built = self._step(name, wanted)
        else:
            raise KeyError(name)
        self._built[name] = built
        return built

    def _wanted(self, name: str) -> list[tuple[str | int, ...]] | None:
        """The paths that are read below a root, or None when all of it may be."""
        if self.reads is None:
            return None
        paths = [read.path for read in self.reads if read.root == name]
        return None if not paths or () in paths else paths

    def _workflow(self, wanted: list[tuple[str | int, ...]] | None) -> dict[str, Any]:
        draft = self.draft
        heads = None if wanted is None else {path[0] for path in wanted}
        seen: dict[str, Any] = {}
        if heads is None or heads - {"input", "variables"}:
            seen = header_fields(draft.header)
        if heads is None or "input" in heads:
            seen["input"] = draft.json(draft.value("input") or b"{}")
        if heads is None or "variables" in heads:
            # A dynamic read may name any variable; a static one is asked for by name.
            names: Collection[str] = draft.plan.variables
            if wanted is not None and ("variables",) not in wanted:
                names = {str(p[1]) for p in wanted if p[0] == "variables" and len(p) > 1}
            bodies = {name: draft.value(f"var:{name}") for name in names}
            seen["variables"] = {n: draft.json(b) for n, b in bodies.items() if b is not None}
        return seen

    def _step(self, ref: str, wanted: list[tuple[str | int, ...]] | None) -> object:
        row = self.draft.task(ref)
        if row is None:
            raise KeyError(ref)
        heads = None if wanted is None else {path[0] for path in wanted}
        seen: dict[str, Any] = {}
        if heads is None or "input" in heads:
            seen["input"] = self.draft.json(row.input)
        if heads is None or "output" in heads:
            node = self.draft.plan.node(ref)
            if node.type == "JOIN" and not ref.startswith("undo:"):
                seen["output"] = self._joined(node, wanted)
            else:
                seen["output"] = self.draft.json(row.output)
        if heads is None or heads - {"input", "output"}:
            seen |= task_fields(row)
        return seen

    def _joined(self, node: Node, wanted: list[tuple[str | int, ...]] | None) -> dict[str, Any]:
        """A JOIN's output: by name the outputs of the steps that it joins, those that have one."""
        refs: Collection[str] = node.join_on
        if wanted is not None and all(len(path) > 1 for path in wanted if path[0] == "output"):
            refs = {str(p[1]) for p in wanted if p[0] == "output"} & set(node.join_on)
        self.draft.require([("task", ref) for ref in refs])
        rows = {ref: self.draft.task(ref) for ref in refs}
        return {
            ref: self.draft.json(row.output)
            for ref, row in rows.items()
            if row is not None and row.output not in (b"", b"{}")
        }


def header_fields(header: Header) -> dict[str, Any]:
    """What expressions may read of the execution besides input and variables."""
    return {
        "workflowId": header.id,
        "workflowType": header.workflow,
        "version": header.version,
        "status": header.status,
        "correlationId": header.correlation_id or None,
        "parentWorkflowId": header.parent_id or None,
        "parentWorkflowTaskId": None,
        "reasonForIncompletion": header.reason or None,
        "schemaVersion": 2,
        "startTime": header.created_at,
        "output": {},
    }


def task_fields(row: TaskRow) -> dict[str, Any]:
    """What expressions may read of a task besides its input and output, by Conductor's names."""
    return {
        "status": row.status,
        "taskType": row.type if row.type != "SIMPLE" else row.name,
        "referenceTaskName": row.ref,
        "retryCount": row.attempt,
        "pollCount": row.polls,
        "taskDefName": row.name,
        "scheduledTime": row.scheduled_at,
        "startTime": row.started_at,
        "endTime": row.ended_at,
        "workflowInstanceId": row.execution_id,
        "taskId": row.id,
        "reasonForIncompletion": row.reason or None,
        "workerId": row.worker or None,
        "iteration": 0,
    }


def encode(value: Any) -> bytes:
    """JSON bytes of a value that came out of a template."""
    return _encode(value)
