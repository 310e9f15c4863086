"""The parts that a workflow is made of: itself and its scopes, each with its style and pivots."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from pavane.core.check.layout import Layout, Place, lay_out
from pavane.core.check.projectable.offered import Offered
from pavane.core.check.projectable.ways import Ways
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Style, SubWorkflow, Workflow


class Risk(msgspec.Struct, frozen=True, eq=False):
    """A step that can end its run badly, and how: `'ship'` `can fail`."""

    place: Place
    what: str
    remedy: str  # where it may not: what to do


class Part(msgspec.Struct, eq=False):
    """A workflow or scope, and what is around and inside it."""

    layout: Layout
    style: Style
    offered: Offered
    outer: Part | None = None
    holder: Place | None = None  # the step of `outer` that it is
    elsewhere: bool = False  # a choreographed workflow by name, which is checked on its own
    children: dict[str, Part] = {}  # by step
    unknown: dict[str, str] = {}  # sub-workflows that cannot be looked into, with the reason
    risks: list[Risk] = []
    pivots: list[Place] = []  # steps that are a pivot, or hold one
    sure: list[Place] = []  # those of them that are passed whenever they have ended

    _ways: Ways | None = None

    @property
    def ways(self) -> Ways:
        """How its steps stand to each other; worked out when it is first asked for."""
        if self._ways is None:
            self._ways = Ways(self.layout)
        return self._ways

    @property
    def choreographed(self) -> bool:
        """Whether its steps are played by their owners, without a conductor."""
        return self.style == "choreographed"

    @property
    def deadline_s(self) -> float:
        """The time after which it is aborted, in seconds; 0 for none."""
        workflow = self.layout.workflow
        return workflow.timeout_seconds if workflow.timeout_policy == "TIME_OUT_WF" else 0


def parts_of(
    workflow: Workflow,
    tasks: Mapping[str, TaskDefinition],
    workflows: Collection[Workflow] = (),
) -> list[Part]:
    """The workflow and all that is in it, outermost first; `workflows` are known by name."""
    offered = Offered(tasks)
    parts = [Part(lay_out(workflow), workflow.style or "orchestrated", offered)]
    for part in parts:
        parts += _inside(part, workflows)  # the list grows while it is read
    return parts


def counting_fork(place: Place) -> Place | None:
    """The FORK_JOIN around a place whose JOIN does not wait for all branches, if there is one."""
    for each in place.chain():
        fork = each.inside
        if fork is not None and fork.step.type == "FORK_JOIN" and _counts(fork):
            return fork
    return None


def _counts(fork: Place) -> bool:
    join = fork.behind()
    wanted = join.join_count if join is not None else None
    return wanted is not None and wanted < sum(map(bool, fork.step.fork_tasks))


def _inside(part: Part, workflows: Collection[Workflow]) -> Iterator[Part]:
    for place in part.layout.places:
        param = place.step.sub_workflow_param
        if param is None or place.step.type != "SUB_WORKFLOW":
            continue
        inner, elsewhere = param.workflow_definition, part.elsewhere
        where = f"{part.layout.where}In scope {place.ref!r}: "
        if inner is None:
            inner = _named(part, place, param, workflows)
            if inner is None:
                continue
            elsewhere = elsewhere or inner.style == "choreographed"
            where = f"{part.layout.where}In workflow {inner.name!r}: "
        layout = lay_out(inner, where, place.at)
        part.children[place.ref] = child = Part(
            layout,
            param.style or inner.style or part.style,
            part.offered,
            outer=part,
            holder=place,
            elsewhere=elsewhere,
        )
        yield child


def _named(
    part: Part, place: Place, param: SubWorkflow, workflows: Collection[Workflow]
) -> Workflow | None:
    """The workflow of that name and version; None, with the reason noted, when there is none."""
    around: Part | None = part
    while around is not None:
        if _fits(around.layout.workflow, param):
            part.unknown[place.ref] = (
                f"it starts {param.name!r} again inside itself, and how deep that goes is known "
                "only when it runs; call a workflow that does not call this one"
            )
            return None
        around = around.outer
    found = [each for each in workflows if _fits(each, param)]
    if not found:
        part.unknown[place.ref] = (
            f"it starts {param.name!r} by name, and its definition is not here, so nobody knows "
            f"who takes part in it; check it together with {param.name!r}, or put the definition "
            "in place as a scope"
        )
        return None
    return max(found, key=lambda each: each.version)


def _fits(workflow: Workflow, param: SubWorkflow) -> bool:
    return workflow.name == param.name and param.version in (None, workflow.version)
