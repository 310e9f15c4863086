"""The nested form of a choreography: what can stand behind what, before it becomes a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from pavane.core.decide.nodes import Node as PlanNode
from pavane.core.decide.plan import Plan
from pavane.core.model.workflow import Workflow

StepKind = Literal["step", "wait", "instant", "meet", "break", "finish", "publish"]


class Step(msgspec.Struct, frozen=True):
    """Something that begins and ends: a task, a wait, a value worked out, an end.

    `role` "" asks for the owner that saves hops. `late`: its attempts have a time limit, so that
    they may succeed after it.
    """

    ref: str
    role: str = ""
    kind: StepKind = "step"
    type: str = "SIMPLE"
    task: str = ""
    fallible: bool = False
    late: bool = False
    undo: bool = True
    pivot: bool = False
    optional: bool = False
    harmless: bool = False
    plan: PlanNode | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of several ways; a way without blocks goes on behind it."""

    ref: str
    cases: Mapping[str, Sequence[Block]]
    default: Sequence[Block] = ()
    role: str = ""
    type: str = "SWITCH"
    plan: PlanNode | None = None


class Fork(msgspec.Struct, frozen=True):
    """Branches side by side, and the join that waits for all of them."""

    ref: str
    branches: Sequence[Sequence[Block]]
    join: str = ""  # reference name of the join, `<ref>-join` if not given
    role: str = ""
    join_role: str = ""
    plan: PlanNode | None = None
    join_plan: PlanNode | None = None


class Some(msgspec.Struct, frozen=True):
    """Scopes side by side; goes on when `need` of them have ended well; the others are undone."""

    ref: str
    branches: Sequence[Sub]
    need: int = 1
    join: str = ""
    role: str = ""
    join_role: str = ""
    plan: PlanNode | None = None
    join_plan: PlanNode | None = None


class Each(msgspec.Struct, frozen=True):
    """The body once for each item, side by side; `counts` are the numbers an explorer tries.

    `stem`: the body is one task, and this is what the names of its items begin with.
    """

    ref: str
    body: Sequence[Block]
    counts: Sequence[int] = ()
    join: str = ""
    role: str = ""
    join_role: str = ""
    stem: str = ""
    plan: PlanNode | None = None
    join_plan: PlanNode | None = None


class Loop(msgspec.Struct, frozen=True):
    """The body again and again, at most `times` (0 = not known); `listed`: perhaps never."""

    ref: str
    body: Sequence[Block]
    times: int = 0
    role: str = ""
    listed: bool = False
    plan: PlanNode | None = None


class Sub(msgspec.Struct, frozen=True):
    """A scope: to what is around it, a step; inside, an undo boundary with a home.

    `caught`: when it aborts, the flow goes on behind it. `alone`: a step that is a branch of
    `Some`, which has its name; nobody but the protocol knows that it is a scope.
    """

    ref: str
    body: Sequence[Block]
    home: str = ""
    deadline: bool = False
    caught: bool = False
    alone: bool = False
    style: str = "choreographed"
    name: str = ""
    workflow: Workflow | None = None
    inner: Plan | None = None
    plan: PlanNode | None = None


Block = Step | Choice | Fork | Some | Each | Loop | Sub
