"""Data between roles: what a role keeps of others' results, and what expressions see of it.

A value is named after the node that makes it: `<node>:out`, `<node>:in`, and `<scope>:input` for
what a scope was opened with. A role receives only the parts that its own steps read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from pavane.core.decide import caught
from pavane.core.decide.draft import encode
from pavane.core.decide.races import winners_in
from pavane.core.model import status as st
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import (
    HANDED_ON,
    IN,
    INPUT,
    ITEM,
    OUT,
    SHOWN,
    Guard,
    Node,
    Path,
    Scope,
    joined_by,
    meant,
    own_fork,
    seen_as,
    variable_setters,
)
from pavane.core.projection.dancing.turn import Turn
from pavane.core.projection.message import At, child_execution
from pavane.core.projection.rows import Key, ScopeRow, StepRow, ValueRow
from pavane.errors import ExpressionError

_decode = msgspec.json.decode
_ABSENT = object()


def sliced(body: bytes, paths: tuple[Path, ...]) -> bytes:
    """The parts of a JSON value at these paths; all of it where one of them is ()."""
    if not paths or () in paths:
        return body or b"{}"
    value = _decode(body) if body else None
    kept: dict[str, Any] = {}
    for path in paths:
        _copy(value, kept, [str(part) for part in _named(path)])
    return encode(kept)


def _named(path: Path) -> Iterator[str]:
    """The members of a path up to the first index: lists travel whole."""
    for part in path:
        if isinstance(part, int):
            return
        yield part


def _copy(value: Any, into: dict[str, Any], names: list[str]) -> None:
    for i, name in enumerate(names):
        if not isinstance(value, dict) or name not in value:
            return
        members = cast("dict[str, Any]", value)
        value = members[name]
        if i == len(names) - 1 or not isinstance(value, dict):
            into[name] = value
            return
        into = into.setdefault(name, {})


class Values(Turn):
    """What a role knows of the data of an execution."""

    def keep(self, values: tuple[tuple[str, At, bytes], ...]) -> None:
        """Remember what came with a message; the same value again changes nothing."""
        for name, at, body in values:
            scope, generation = self._place(name, at)
            if self.value_row(name, scope, generation, at) is None:
                self.changed[Key(scope, generation, "value", name, at)] = ValueRow(body)

    def _place(self, name: str, at: At) -> tuple[str, At]:
        if name.endswith(INPUT):
            return name.removesuffix(INPUT), at
        maker = self.node(self.choreography.makers[name])
        return maker.scope, self.generation(maker, at)

    def _is_end(self, maker: Node) -> bool:
        """Whether it ends its scope out of a loop: then the scope's coordinate is enough."""
        return maker.kind == "finish" and maker.depth > self.scope_of(maker).depth

    def keep_end(self, node: Node, at: At, body: bytes) -> None:
        """What ends the scope out of a loop is known without the iteration in which it did."""
        if self._is_end(node):
            generation = self.generation(node, at)
            key = Key(node.scope, generation, "value", node.id + OUT, generation)
            self.changed[key] = ValueRow(body)

    def value(self, name: str, at: At) -> bytes | None:
        """A value as it is known here, for a reader at this coordinate; None when it is not."""
        if name.endswith(INPUT):
            path = name.removesuffix(INPUT)
            scope = self.choreography.scopes[path]
            generation = at[: scope.depth]
            if scope.home == self.role:
                opened = self.scope_row(path, generation)
                return opened.input if opened is not None else None
            kept = self.value_row(name, path, generation, generation)
            return kept.body if kept is not None else None
        maker = self.node(self.choreography.makers[name])
        own = at[: self._depth(name)]
        if self.has_lost(maker, own):
            return None
        if maker.role == self.role and not self._is_end(maker):
            return self._own(maker, own, name)
        kept = self.value_row(name, maker.scope, self.generation(maker, own), own)
        return kept.body if kept is not None else None

    def has_lost(self, maker: Node, at: At) -> bool:
        """Whether it is known here that a branch lost: what it gave is no more."""
        gate = self.choreography.nodes.get(maker.gate) if maker.kind == "scope" else None
        return gate is not None and self.runs((Guard(gate.id, maker.ref),), at) is False

    def _own(self, maker: Node, at: At, name: str) -> bytes | None:
        if maker.kind == "scope":
            row = self.scope_row(maker.child, at)
            if row is not None and name.endswith(IN):
                return row.input
            if row is None or row.status not in (r.CLOSED, r.ABORTED):
                return None
            return self.left_by(maker, row)
        step = self.step_row(maker, at)
        if step is None or step.status == r.READY:
            return None
        if name.endswith(IN):
            return step.input
        return step.output if step.status in (r.DONE, r.FAILED, r.UNKNOWN, r.LATE) else None

    def left_by(self, maker: Node, row: ScopeRow) -> bytes:
        """What a scope gives out; one that may fail, and did, says why."""
        step = maker.plan.step if maker.plan is not None else None
        if row.status == r.CLOSED or row.output not in (b"", b"{}"):
            return row.output
        if step is None or not caught.is_caught(step):
            return row.output
        id, _ = meant(self.choreography.nodes, f"{maker.child}/{row.failed_ref}")
        failed = self.choreography.nodes.get(id) if row.failed_ref else None
        plan = failed.plan if failed is not None else None
        raised = plan is not None and plan.type == "TERMINATE"
        name = plan.step.name if plan is not None and not raised else ""
        return caught.failure(name, caught.said(row.failed_ref, row.reason), raised=raised)

    # --- guards ---------------------------------------------------------------------------------

    def runs(self, guards: tuple[Guard, ...], at: At) -> bool | None:
        """Whether what stands behind these choices runs; None as long as that is not known."""
        for guard in guards:
            body = self.value(guard.choice + OUT, at)
            if body is None:
                return None
            if self.node(guard.choice).kind == "join":
                if guard.case not in winners_in(body):
                    return False
                continue
            case = _decode(body)["selectedCase"]
            taken = case if case in self.node(guard.choice).cases else ""
            if taken != guard.case:
                return False
        return True

    def missing(self, node: Node, at: At, came: str) -> list[str]:
        """The values that the node reads, that will come, and that are not here yet."""
        found: list[str] = []
        for want in node.wants_from.get(came, node.wants):
            if self.runs(want.guards, at) is not False and self.value(want.value, at) is None:
                found.append(want.value)
        return found

    # --- going out ------------------------------------------------------------------------------

    def parcels(
        self, names: tuple[str, ...], at: At, role: str
    ) -> tuple[tuple[str, At, bytes], ...]:
        """Values for a role, cut down to what it reads; those that are not there are left out."""
        found: list[tuple[str, At, bytes]] = []
        for name in names:
            body = self.value(name, at)
            if body is not None:
                own = at[: self._depth(name)]
                paths = self.choreography.slices.get((name, role), ())
                found.append((name, own, sliced(body, paths)))
        return tuple(found)

    def _depth(self, name: str) -> int:
        if name.endswith(INPUT):
            return self.choreography.scopes[name.removesuffix(INPUT)].depth
        maker = self.node(self.choreography.makers[name])
        return self.scope_of(maker).depth if self._is_end(maker) else maker.depth

    # --- expressions ----------------------------------------------------------------------------

    def _of_item(self, node: Node, at: At) -> dict[str, Any]:
        """What an item of a for-each begins with came with its token."""
        given = self.value_row(node.id + ITEM, node.scope, self.generation(node, at), at)
        if given is None:
            raise ExpressionError("What it is to begin with never came.", "Redrive its message.")
        return _decode(given.body)

    def rendered(self, node: Node, at: At) -> dict[str, Any]:
        """The input of a node. Raises ExpressionError."""
        if node.plan is None:
            return {}
        if node.stem:
            return self._of_item(node, at)
        scope = self.scope_of(node)
        if scope.alone:  # what was worked out when its scope was opened
            row = self.scope_row(scope.path, at[: scope.depth])
            return _decode(row.input) if row is not None else {}
        lookup = Seen(self, scope, node, at)
        found: dict[str, Any] = node.plan.template.render(lookup)
        for name, fallback in node.plan.fallbacks.items():
            if found[name] is None:
                found[name] = fallback.render(lookup)
        return found


class Seen:
    """The roots that expressions of a scope see, at one coordinate."""

    def __init__(self, values: Values, scope: Scope, node: Node, at: At, unknown: str = "") -> None:
        self._values = values
        self._scope = scope
        self._node = node
        self._at = at
        self._unknown = unknown
        inner = values.scope_of(node)
        self._alone = inner.path if inner.alone else None  # then that names the node itself
        self._built: dict[str, object] = {}

    def root(self, name: str) -> object:
        """The object behind a root; KeyError when there is none, or when it never ran."""
        if name not in self._built:
            self._built[name] = self._workflow() if name == "workflow" else self._step(name)
        return self._built[name]

    def _workflow(self) -> dict[str, Any]:
        values, scope = self._values, self._scope
        body = values.value(scope.path + INPUT, self._at)
        execution = child_execution(values.execution, scope.path, self._at[: scope.depth])
        return {
            "input": _decode(body) if body else {},
            "variables": self.variables(),
            "workflowId": execution,
            "workflowType": scope.name,
            "version": scope.workflow.version if scope.workflow else 1,
            "correlationId": None,
        }

    def variables(self) -> dict[str, Any]:
        """Each variable as the last SET_VARIABLE before this node that has run left it."""
        scope, nodes = self._scope, self._values.choreography.nodes
        found: dict[str, Any] = dict(scope.workflow.variables) if scope.workflow else {}
        for id in variable_setters(scope, nodes, self._node.id):
            sets = bool(nodes[id].sets)
            body = self._values.value(id + (OUT if sets else IN), self._at)
            if body is not None:
                found |= _decode(body).get(HANDED_ON, {}) if sets else _decode(body)
        return found

    def _step(self, ref: str) -> object:
        path = self._scope.path
        id = f"{path}/{ref}" if path else ref
        node = self._values.choreography.nodes.get(id)
        if node is None:
            raise KeyError(ref)
        if id in (own_fork(self._node), self._alone):
            id, node = self._node.id, self._node
        if node.kind == "join" and node.mode != "each":
            return {"output": self._joined(node)}
        if node.kind == "loop":
            inside = any(region.id == id for region in self._node.regions)
            output = self._get((node.body if inside else id) + OUT, SHOWN)
            if output is _ABSENT:
                raise KeyError(ref)
            return {"output": output}
        given = self._get(id + IN)
        if node.ref == self._unknown:
            return {"input": given if given is not _ABSENT else None, "output": None}
        output = self._get(id + OUT)
        if given is _ABSENT and output is _ABSENT:
            raise KeyError(ref)
        seen: dict[str, Any] = {}
        if given is not _ABSENT:
            seen["input"] = given
        if output is not _ABSENT:
            seen["output"] = output
            if node.kind == "scope":
                seen["status"] = _status_of(output)
        return seen

    def _joined(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if node.mode == "some":
            known = self._get(node.id + OUT)
            found = known if known is not _ABSENT else {}
        for ref in joined_by(node, self._values.choreography.nodes):
            path = self._scope.path
            output = self._get((f"{path}/{ref}" if path else ref) + OUT)
            if output is not _ABSENT and output:
                found[ref] = output
        return found

    def _get(self, name: str, *below: str) -> Any:
        choreography = self._values.choreography
        maker = choreography.makers.get(name)
        if maker is None:
            return _ABSENT
        name, path = seen_as(choreography.nodes, self._node, choreography.nodes[maker], name)
        body = self._values.value(name, self._at)
        value: Any = _ABSENT if body is None else _decode(body or b"{}")
        for member in (*map(str, path), *below):
            members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
            value = members.get(member, _ABSENT)
        return value


def _status_of(output: Any) -> str:
    """The status of a scope that is over, for whoever goes on behind it."""
    failed = isinstance(output, dict) and "failure" in output
    return st.COMPLETED_WITH_ERRORS if failed else st.COMPLETED


def unknown_or(node: Node, row: StepRow) -> str:
    """The step whose output an undo must not read, because nobody knows what it did."""
    return node.ref if row.status == r.UNKNOWN or row.output in (b"", b"{}") else ""
