"""What expressions see of an execution: `workflow` and its steps by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pavane.core.decide import fans, races
from pavane.core.decide.looped import looped, newest
from pavane.core.expressions.template import Template
from pavane.core.model.rows import Header, TaskRow

if TYPE_CHECKING:
    from pavane.core.decide.draft import Draft
    from pavane.core.decide.nodes import Node

Path = tuple[str | int, ...]
VIEWED = frozenset({"JOIN", "DO_WHILE"})  # their output is put together when it is read


class View:
    """What a template reads below one root: so much is built for it, and no more."""

    __slots__ = ("everything", "heads", "only", "paths")

    def __init__(self, paths: Collection[Path]) -> None:
        self.paths = tuple(paths)
        self.everything = not paths or () in paths
        self.heads = frozenset(path[0] for path in paths if path)
        # The one member that is read, which is the rule.
        self.only = "" if self.everything or len(self.heads) > 1 else str(*self.heads)

    def wants(self, head: str) -> bool:
        """Whether the member of the root is read."""
        return self.everything or head in self.heads

    def wants_more_than(self, *heads: str) -> bool:
        """Whether any other member is read."""
        return self.everything or not self.heads.issubset(heads)

    def below(self, head: str) -> set[str] | None:
        """The names that are read below a member; None when that is not known."""
        if self.everything:
            return None
        paths = [path for path in self.paths if path[0] == head]
        return None if any(len(path) < 2 for path in paths) else {str(p[1]) for p in paths}


_EVERYTHING = View(())


def views_of(template: Template) -> Mapping[str, View] | None:
    """By root what a template reads; None when it may read anything."""
    if template.dynamic:
        return None
    paths: dict[str, list[Path]] = {}
    for read in template.reads:
        paths.setdefault(read.root, []).append(read.path)
    return {root: View(found) for root, found in paths.items()}


class NoRoots:
    """For templates that read nothing."""

    @staticmethod
    def root(name: str) -> object:
        """There is none."""
        raise KeyError(name)


class Roots:
    """The roots of one template's expressions, built as they are asked for.

    `place` is the step that reads: inside a loop a name means the step of the same iteration, and
    from outside the one of the newest iteration. The output of the step `unknown` is null: nobody
    knows what it did, if anything.
    """

    __slots__ = ("_built", "_draft", "_place", "_unknown", "_views")

    def __init__(
        self,
        draft: Draft,
        views: Mapping[str, View] | None,
        place: Node | None = None,
        *,
        unknown: str = "",
    ) -> None:
        self._draft = draft
        self._views = views
        self._place = place
        self._unknown = unknown
        self._built: dict[str, object] = {}

    def root(self, name: str) -> object:
        """The object behind a root; KeyError when there is no such root."""
        if name in self._built:
            return self._built[name]
        view = _EVERYTHING if self._views is None else self._views.get(name, _EVERYTHING)
        if name == "workflow":
            built: object = self._workflow(view)
        elif self._is_branch(name):
            assert self._place is not None
            built = self._step(self._place.ref, view)
        elif name in self._draft.plan.nodes:
            built = self._step(newest(self._draft, name, self._place), view)
        else:
            raise KeyError(name)
        self._built[name] = built
        return built

    def _is_branch(self, name: str) -> bool:
        """Whether a name means the branch made at run time that reads it.

        That is its own name, and in what all its like have in common that of their fork.
        """
        place = self._place
        if place is None or not place.branch:
            return False
        return name in (place.ref, self._draft.plan.nodes[place.fork].step.ref)

    def _workflow(self, view: View) -> dict[str, Any]:
        draft = self._draft
        if view.only == "input":
            return {"input": draft.json(draft.value("input") or b"{}")}
        seen: dict[str, Any] = {}
        if view.wants_more_than("input", "variables"):
            seen = header_fields(draft.header)
        if view.wants("input"):
            seen["input"] = draft.json(draft.value("input") or b"{}")
        if view.wants("variables"):
            names = view.below("variables")
            found = draft.plan.variables if names is None else names
            bodies = {name: draft.value(f"var:{name}") for name in found}
            seen["variables"] = {n: draft.json(b) for n, b in bodies.items() if b is not None}
        return seen

    def _step(self, ref: str, view: View) -> object:
        row = self._draft.task(ref)
        if row is None:
            raise KeyError(ref)
        if view.only == "output" and row.type not in VIEWED:
            return {"output": self._draft.json(row.output)}
        seen: dict[str, Any] = {}
        if view.wants_more_than("input", "output"):
            seen = task_fields(row)
        if view.wants("input"):
            seen["input"] = self._input(row)
        if ref == self._unknown:
            seen["output"] = None
        elif view.wants("output"):
            seen["output"] = self._output(row, view)
        return seen

    def _input(self, row: TaskRow) -> object:
        """A task's input; the names of all branches are added where those were made for it."""
        given = self._draft.json(row.input)
        width = fans.width_of(row) if row.type == fans.DYNAMIC_FORK else None
        if width is None:
            return given
        return {**given, "forkedTasks": fans.refs(self._draft, row.ref, 0, width)}

    def _output(self, row: TaskRow, view: View) -> object:
        if row.type == "JOIN":
            return self._joined(self._draft.plan.nodes[row.ref], row, view)
        if row.type == "DO_WHILE":
            node, names = self._draft.plan.nodes[row.ref], view.below("output")
            return looped(self._draft, node, row, names, self._place)
        return self._draft.json(row.output)

    def _joined(self, node: Node, row: TaskRow, view: View) -> dict[str, Any]:
        """A JOIN's output: by name the outputs of the steps that it joins, those that have one.

        Where it counts those are its winners, and it names them.

        In a loop the names of steps are those of the definition, as everywhere in an iteration.
        """
        names, width = view.below("output"), fans.width_of(row)
        won: list[str] = []  # where it counts
        if width is None:
            suffix = "".join(f"__{number}" for number in node.path)
            if node.step.join_count is None:
                on: Sequence[str] = node.join_on
            else:
                on = races.winners_in(row.output)
                won = [ref.removesuffix(suffix) for ref in on]
            refs = {ref.removesuffix(suffix): ref for ref in on}
            refs = {n: ref for n, ref in refs.items() if names is None or n in names}
        elif names is None:
            refs = {ref: ref for ref in fans.refs(self._draft, node.of_fork, 0, width)}
        else:
            refs = {name: name for name in sorted(names)}
        self._draft.require([("task", ref) for ref in refs.values()])
        rows = {name: self._draft.task(ref) for name, ref in refs.items()}
        if width is not None and names is not None:
            its = {ref: row for ref, row in rows.items() if row is not None}
            rows = {r: row for r, row in its.items() if fans.belongs(row, node.of_fork)}
        seen = races.shown(won) if won else {}
        return seen | {
            name: self._draft.json(row.output)
            for name, row in rows.items()
            if row is not None and row.output not in (b"", b"{}", b"null")
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
