"""What is different about a step that both versions have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from pavane.core.check.differences.change import BEGUN, Change, changed_keys, shown
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import CHOICES, Step, SubWorkflow, Undo

_KEEPS: Final = (
    "Executions that have passed it keep the old result; an attempt under way keeps its input, and "
    "another attempt gets the new one."
)
_CHOSEN: Final = "Executions that have chosen keep their way; the others choose by the new one."
_NEXT: Final = "It counts from the next attempt on, wherever executions stand."
_AHEAD: Final = "It counts where the step has not begun."


def step_changes(old: Step, new: Step) -> list[Change]:
    """Its differences, the gravest first; nothing about what stands inside it."""
    if old.type != new.type:
        return [Change("changed", old.ref, f"is a {new.type}, was a {old.type}", BEGUN)]
    found = [text for each in _LOOKED_AT for text in each(old, new)]
    found += _others(old, new)
    return [Change("changed", old.ref, what, meaning) for what, meaning in found]


_Found = Iterator[tuple[str, str]]


def _task(old: Step, new: Step) -> _Found:
    if old.type == "SIMPLE" and old.name != new.name:
        yield f"is the task `{new.name}`, was `{old.name}`", BEGUN
    elif old.name != new.name:
        yield f"is named `{new.name}`, was `{old.name}`", _AHEAD


def _pivot(old: Step, new: Step) -> _Found:
    if old.pivot != new.pivot:
        yield "is a pivot" if new.pivot else "is no pivot any more", BEGUN


def _input(old: Step, new: Step) -> _Found:
    if said := changed_keys(old.input_parameters, new.input_parameters):
        yield f"input: {said}", _CHOSEN if old.type in CHOICES else _KEEPS


def _choice(old: Step, new: Step) -> _Found:
    if old.type not in CHOICES:
        return
    mine = (old.evaluator_type, old.expression, old.case_value_param)
    theirs = (new.evaluator_type, new.expression, new.case_value_param)
    if mine != theirs:
        was, now = old.expression or old.case_value_param, new.expression or new.case_value_param
        yield f"chooses by {shown(now)}, chose by {shown(was)}", _CHOSEN
    gone = [case for case in old.decision_cases if case not in new.decision_cases]
    came = [case for case in new.decision_cases if case not in old.decision_cases]
    for case in gone:
        took = f"Executions that took the case {case!r} can be moved only if it led nowhere."
        yield f"has no case {case!r} any more", f"{took} The others take the default case."
    for case in came:
        took = f"Executions whose value was {case!r} took the default case: they cannot be moved"
        yield f"has a new case {case!r}", f"{took} unless both lead nowhere."


def _fork(old: Step, new: Step) -> _Found:
    if len(old.fork_tasks) != len(new.fork_tasks):
        yield f"has {len(new.fork_tasks)} branches, had {len(old.fork_tasks)}", BEGUN


def _join(old: Step, new: Step) -> _Found:
    refs = [*old.join_on, *(ref for ref in new.join_on if ref not in old.join_on)]
    changed = [ref for ref in refs if (ref in old.join_on) != (ref in new.join_on)]
    if not changed:
        return
    named = ", ".join(f"`{ref}`" for ref in changed)
    yield (
        f"waits for {', '.join(new.join_on) or 'nothing'}, waited for {', '.join(old.join_on)}",
        f"Executions in which it or any of {named} has ended cannot be moved any more.",
    )


def _loop(old: Step, new: Step) -> _Found:
    if (old.items is None) != (new.items is None):
        yield "goes through a list in one of them only", BEGUN
    elif old.items != new.items:
        yield f"goes through {shown(new.items)}, went through {shown(old.items)}", _KEEPS
    if old.loop_condition != new.loop_condition:
        yield (
            f"goes on while {shown(new.loop_condition)}, did while {shown(old.loop_condition)}",
            "Executions in the loop ask the new condition behind the iteration that is open.",
        )


def _scope(old: Step, new: Step) -> _Found:
    was, now = old.sub_workflow_param, new.sub_workflow_param
    if was == now or was is None or now is None:
        return
    keeps = "One that is open ends by its own definition; what begins from now on is the new."
    in_place = was.workflow_definition is not None or now.workflow_definition is not None
    if was.name != now.name and not in_place:
        yield f"starts `{now.name}`, started `{was.name}`", BEGUN
    else:
        yield f"starts {_named(now)}, started {_named(was)}", keeps


def _named(param: SubWorkflow) -> str:
    if param.workflow_definition is not None:
        return "what is written in place"
    return f"`{param.name}`, {f'version {param.version}' if param.version else 'the newest'}"


def _undo(old: Step, new: Step) -> _Found:
    was, now = old.undo, new.undo
    if old.type == DYNAMIC_FORK:
        if was != now:
            yield "says something else of the undo of its branches", BEGUN
        return
    if was is None and now is not None:
        yield (
            f"is undone by `{now.name}`, and was not",
            "Executions that have passed it undo it too, with the input and output that it had.",
        )
    elif now is None and was is not None:
        meaning = "Executions that have passed it do not undo it any more."
        yield f"is undone no more, was by `{was.name}`", meaning
    elif was is not None and now is not None and (said := _undo_said(was, now)):
        yield f"undo: {said}", "Executions that have passed it undo it the new way."


def _undo_said(was: Undo, now: Undo) -> str:
    said = [f"by `{now.name}`, was by `{was.name}`"] if was.name != now.name else []
    if inputs := changed_keys(was.input_parameters, now.input_parameters):
        said.append(f"input {inputs}")
    if policy := _policy_said(was.task_definition, now.task_definition):
        said.append(policy)
    return "; ".join(said)


def _policy(old: Step, new: Step) -> _Found:
    said = _policy_said(old.task_definition, new.task_definition)
    if old.retry_count != new.retry_count:
        said = "; ".join(filter(None, [said, f"retryCount {new.retry_count}"]))
    if said:
        yield f"retries and time limits: {said}", _NEXT


def _policy_said(was: TaskDefinition | None, now: TaskDefinition | None) -> str:
    mine: Any = msgspec.to_builtins(was) if was else {}
    theirs: Any = msgspec.to_builtins(now) if now else {}
    for each in (mine, theirs):
        each.pop("description", None)
        each.pop("ownerEmail", None)
    return changed_keys(mine, theirs)


def _failing(old: Step, new: Step) -> _Found:
    if old.permissive != new.permissive:
        how = (
            "lets the others go on when it fails" if new.permissive else "stops the run if it fails"
        )
        yield how, "Executions in which it has failed cannot be moved any more."
    if old.optional != new.optional and old.type == DYNAMIC_FORK:
        yield "says something else of the failure of its branches", BEGUN
    elif old.optional != new.optional:
        how = "may be missing" if new.optional else "may not be missing any more"
        yield how, "It counts for what has not failed yet."


_LOOKED_AT: Final[tuple[Callable[[Step, Step], _Found], ...]] = (
    _task,
    _pivot,
    _choice,
    _fork,
    _join,
    _loop,
    _scope,
    _input,
    _policy,
    _undo,
    _failing,
)
# What the functions above look at, what is a list of other steps, and what is no content.
_SEEN: Final = frozenset(
    [
        "name",
        "task_reference_name",
        "type",
        "description",
        "metadata",
        "pivot",
        "input_parameters",
        "evaluator_type",
        "expression",
        "case_value_param",
        "decision_cases",
        "default_case",
        "fork_tasks",
        "join_on",
        "items",
        "loop_over",
        "loop_condition",
        "sub_workflow_param",
        "undo",
        "task_definition",
        "retry_count",
        "permissive",
        "optional",
    ]
)


def _others(old: Step, new: Step) -> _Found:
    for field in Step.__struct_fields__:
        if field not in _SEEN and getattr(old, field) != getattr(new, field):
            was, now = shown(getattr(old, field)), shown(getattr(new, field))
            yield f"`{field}` is {now}, was {was}", _AHEAD
