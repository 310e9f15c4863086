"""Refuses step types that are unknown or not built, and what each type says of its own fields."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout
from pavane.core.check.suggestions import did_you_mean
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step

NOT_BUILT = frozenset(
    {
        "AGENT",
        "FORK",
        "JDBC",
        "JSON_JQ_TRANSFORM",
        "KAFKA_PUBLISH",
        "LAMBDA",
        "PULL_WORKFLOW_MESSAGES",
        "USER_DEFINED",
    }
)
_INSTEAD = {
    "FORK": "use a FORK_JOIN",
    "LAMBDA": "use an INLINE with evaluatorType `pavane`",
    "JSON_JQ_TRANSFORM": "use an INLINE with evaluatorType `pavane`",
    "USER_DEFINED": "use SIMPLE",
}
_HOLDS = {
    "SWITCH": ("decision_cases", "default_case"),
    "DECISION": ("decision_cases", "default_case", "case_value_param"),
    "FORK_JOIN": ("fork_tasks",),
    "EXCLUSIVE_JOIN": ("default_exclusive_join_task",),
    "DYNAMIC": ("dynamic_task_name_param",),
    "FORK_JOIN_DYNAMIC": (
        "dynamic_fork_tasks_param",
        "dynamic_fork_tasks_input_param_name",
        "dynamic_fork_join_tasks_param",
    ),
}
_HELD = dict.fromkeys(name for names in _HOLDS.values() for name in names)
_ON_THE_WIRE = dict(
    zip(Step.__struct_fields__, Step.__struct_encode_fields__, strict=True),
)


def check(layout: Layout) -> Iterator[str]:
    """Find unknown types, and what a type finds in its steps."""
    for place in layout.places:
        kind = STEP_TYPES.get(place.step.type)
        texts = _unknown(place.step.type) if kind is None else kind.findings(place.step)
        for text in texts:
            yield f"{place.name}: {text}" + ("" if text.endswith("?") else ".")
        if kind is not None:
            yield from (f"{place.name}: {text}." for text in _out_of_place(place.step))
    if layout.workflow.failure_workflow.startswith("$"):
        yield "A computed `failureWorkflow` is not built yet; write the name of a workflow."


def _unknown(name: str) -> Iterator[str]:
    if name in NOT_BUILT:
        instead = _INSTEAD.get(name)
        yield f"type {name} is not built yet" + (f"; {instead}" if instead else "")
        return
    guess = did_you_mean(name.upper(), STEP_TYPES) or f"known are {', '.join(sorted(STEP_TYPES))}"
    yield f"there is no step type {name!r}; {guess}"


def _out_of_place(step: Step) -> Iterator[str]:
    """Fields of another type would be ignored silently, and the steps in them never run."""
    for field in _HELD:
        kinds = [kind for kind, fields in _HOLDS.items() if field in fields]
        if step.type not in kinds and getattr(step, field):
            shown = f"{'an' if kinds[0] == 'EXCLUSIVE_JOIN' else 'a'} {kinds[0]}"
            yield f"only {shown} has `{_ON_THE_WIRE[field]}`; this is a {step.type}"
    param = step.sub_workflow_param
    if param is None:
        return
    if step.type != "SUB_WORKFLOW":
        yield f"only a SUB_WORKFLOW has a subWorkflowParam; this is a {step.type}"
    if param.task_to_domain:
        yield "`taskToDomain` is not built yet; leave it out"
