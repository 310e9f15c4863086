"""What a step does, by its type: one file each, one line in the registry."""

from __future__ import annotations

from typing import Final

from pavane.core.decide.step_types.decision import Decision
from pavane.core.decide.step_types.do_while import DoWhile
from pavane.core.decide.step_types.dynamic import Dynamic
from pavane.core.decide.step_types.event import Event
from pavane.core.decide.step_types.exclusive_join import ExclusiveJoin
from pavane.core.decide.step_types.fork_join import ForkJoin
from pavane.core.decide.step_types.fork_join_dynamic import ForkJoinDynamic
from pavane.core.decide.step_types.http import Http
from pavane.core.decide.step_types.human import Human
from pavane.core.decide.step_types.inline import Inline
from pavane.core.decide.step_types.join import Join
from pavane.core.decide.step_types.noop import Noop
from pavane.core.decide.step_types.set_variable import SetVariable
from pavane.core.decide.step_types.simple import Simple
from pavane.core.decide.step_types.start_workflow import StartWorkflow
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.decide.step_types.sub_workflow import SubWorkflowStep
from pavane.core.decide.step_types.switch import Switch
from pavane.core.decide.step_types.terminate import Terminate
from pavane.core.decide.step_types.wait import Wait

DO_WHILE: Final = DoWhile()

# These hold no steps, so that a branch made at run time may be any of them.
_SINGLE: Final[dict[str, StepType]] = {
    "DYNAMIC": Dynamic(),
    "EVENT": Event(),
    "HTTP": Http(),
    "HUMAN": Human(),
    "INLINE": Inline(),
    "NOOP": Noop(),
    "SET_VARIABLE": SetVariable(),
    "SIMPLE": Simple(),
    "START_WORKFLOW": StartWorkflow(),
    "SUB_WORKFLOW": SubWorkflowStep(),
    "TERMINATE": Terminate(),
    "WAIT": Wait(),
}

STEP_TYPES: Final[dict[str, StepType]] = {
    **_SINGLE,
    "DECISION": Decision(),
    "DO_WHILE": DO_WHILE,
    "EXCLUSIVE_JOIN": ExclusiveJoin(),
    "FORK_JOIN": ForkJoin(),
    "FORK_JOIN_DYNAMIC": ForkJoinDynamic(_SINGLE),
    "JOIN": Join(),
    "SWITCH": Switch(),
}
