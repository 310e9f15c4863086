"""Definitions as they travel: Conductor's JSON schema for workflows and steps, extended.

Field names on the wire are Conductor's (camelCase); ours are added beside them and are unknown to
Conductor, which ignores them: on a step `undo`, `pivot`, `service`, `joinCount`; on a workflow or a
`subWorkflowParam` `style` and `home`; on a workflow `startedBy` and `schedule`. Defaults are left
out when written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import structs

from pavane.core.model.schedule import Scheduled
from pavane.core.model.task_definition import TaskDefinition

Style = Literal["orchestrated", "choreographed"]

CHOICES: Final = frozenset({"SWITCH", "DECISION"})
"""The types of the steps that choose one of several lists."""

FORKS: Final = frozenset({"FORK_JOIN", "FORK_JOIN_DYNAMIC"})
"""The types of the steps that let branches run side by side, up to the JOIN behind them."""


class Undo(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The task that reverses a step; it may read the step's `${<ref>.input}` and `.output`."""

    name: str
    input_parameters: dict[str, Any] = {}
    task_definition: TaskDefinition | None = None
    service: str = ""


class SubWorkflow(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a SUB_WORKFLOW step starts: a name and version, or a definition in place (a scope)."""

    name: str = ""
    version: int | None = None
    workflow_definition: Workflow | None = None
    style: Style | None = None
    home: str = ""
    task_to_domain: dict[str, str] = {}
    priority: int | None = None


class Step(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A node of a workflow (Conductor: WorkflowTask)."""

    name: str = ""
    task_reference_name: str = ""
    type: str = "SIMPLE"
    description: str = ""
    input_parameters: dict[str, Any] = {}
    # control flow
    evaluator_type: str = ""
    expression: str = ""
    decision_cases: dict[str, list[Step]] = {}
    default_case: list[Step] = []
    fork_tasks: list[list[Step]] = []
    join_on: list[str] = []
    default_exclusive_join_task: list[str] = []
    case_value_param: str = ""  # DECISION: the input that names the case
    loop_over: list[Step] = []
    loop_condition: str = ""
    items: Any = None  # DO_WHILE: a list, or an expression for one; once for each of them
    sub_workflow_param: SubWorkflow | None = None
    dynamic_task_name_param: str = ""  # DYNAMIC: the input that names the task
    # FORK_JOIN_DYNAMIC: the inputs that hold the branches, and what each begins with
    dynamic_fork_tasks_param: str = ""
    dynamic_fork_tasks_input_param_name: str = ""
    dynamic_fork_join_tasks_param: str = ""
    # policy
    optional: bool = False
    permissive: bool = False
    start_delay: float = 0  # seconds
    retry_count: int | None = None
    task_definition: TaskDefinition | None = None
    async_complete: bool = False
    sink: str = ""
    # ours
    undo: Undo | None = None
    pivot: bool = False
    service: str = ""
    join_count: int | None = None
    metadata: dict[str, Any] = {}

    @property
    def ref(self) -> str:
        """The reference name: unique in the workflow; the name of the step in expressions."""
        return self.task_reference_name

    @property
    def inner(self) -> list[list[Step]]:
        """The lists of steps in it: cases, branches, the body of a loop."""
        return [*self.decision_cases.values(), self.default_case, *self.fork_tasks, self.loop_over]

    def mapped(self, change: Callable[[Step], Step]) -> Step:
        """The step with every step that stands right in it changed."""
        return structs.replace(
            self,
            decision_cases={
                case: [change(each) for each in steps]
                for case, steps in self.decision_cases.items()
            },
            default_case=[change(each) for each in self.default_case],
            fork_tasks=[[change(each) for each in branch] for branch in self.fork_tasks],
            loop_over=[change(each) for each in self.loop_over],
        )


class StartedBy(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The event that starts a workflow; `input` and `key` may read `${event.<field>}`.

    By default the event's data is the input, or its one parameter, and the event's id is the key.
    """

    event: str = ""
    input: dict[str, Any] = {}
    key: str = ""


class RateLimit(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How many executions run at once: of the workflow, for each value of the key.

    The key is a text, or reads `${workflow.input.…}` or `${workflow.correlationId}`; "" is one for
    all. QUEUE: the next one waits for a place. REJECT: its start is refused.
    """

    rate_limit_key: str = ""
    concurrent_exec_limit: int = 0
    policy: Literal["QUEUE", "REJECT"] = "QUEUE"


class Workflow(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A named, versioned process definition (Conductor: WorkflowDef)."""

    name: str = ""
    version: int = 1
    description: str = ""
    tasks: list[Step] = []
    input_parameters: list[str] = []
    output_parameters: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    input_template: dict[str, Any] = {}
    failure_workflow: str = ""
    timeout_seconds: float = 0
    timeout_policy: Literal["ALERT_ONLY", "TIME_OUT_WF"] = "ALERT_ONLY"
    rate_limit_config: RateLimit | None = None
    restartable: bool = True
    owner_email: str = ""
    schema_version: int = 2
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}
    # ours
    style: Style | None = None
    home: str = ""
    started_by: StartedBy | None = None
    schedule: Scheduled | None = None


def content_hash(workflow: Workflow) -> str:
    """Hex digest of what the definition *does*: without descriptions, metadata and owner."""
    body = msgspec.json.encode(_bare(msgspec.to_builtins(workflow)), order="deterministic")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


_NOT_CONTENT = frozenset({"description", "metadata", "ownerEmail"})
# What the author or user named inside these is data, not ours to strip.
_DATA = frozenset({"inputParameters", "outputParameters", "variables", "inputTemplate", "input"})


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            key: (item if key in _DATA else _bare(item))
            for key, item in fields.items()
            if key not in _NOT_CONTENT
        }
    if isinstance(value, list):
        return [_bare(item) for item in cast("list[Any]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # seconds written as 5 come back from JSON as 5.0: the same content
    return value
