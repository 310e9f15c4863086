"""Steps that Python calls with `await`: tasks, workflows, waiting, events and people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from pavane.core.model.event import SINK
from pavane.core.model.workflow import Step
from pavane.language.back.data import Names, computed, expression
from pavane.language.back.stubs import NoFormError, Stub, is_plain
from pavane.language.back.written import BY_CALL
from pavane.language.names import identifier

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing

CALLABLE = frozenset(
    {*BY_CALL, "service", "optional", "retryCount", "startDelay", "pivot", "undo", "taskDefinition"}
)
_GIVEN = re.compile(r"given_\d+")


@dataclass(frozen=True)
class Call:
    """A call without its `await`; what a variable of its result would stand for, and its name."""

    text: str
    stands_for: tuple[str, ...] = ()
    wish: str = ""
    gives: str = "None"  # the type of the result


def is_bare(step: Step, *more: str) -> bool:
    """Whether a step says nothing that its natural form would not say."""
    return step.name == step.ref and not msgspec.to_builtins(step).keys() - BY_CALL - set(more)


def called(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A step as its call with `await`, and a variable where its result is read."""
    call = call_of(writing, step, names)
    if call is None:
        return 0
    variable = result(writing, call, names)
    writing.line(f"{variable} = await {call.text}" if variable else f"await {call.text}")
    return 1


def result(writing: Writing, call: Call, names: Names) -> str:
    """The variable of a call's result, empty where nobody reads it."""
    path = next(iter(call.stands_for), "")
    if not path or not writing.is_read(path.removesuffix(".result")):
        return ""
    variable = writing.stubs.fresh(call.wish)
    names.update(dict.fromkeys(call.stands_for, variable))
    return variable


def call_of(writing: Writing, step: Step, names: Names) -> Call | None:
    """The call that a step comes from; None where it comes from something else."""
    if step.ref in writing.written_out:
        return None
    match step.type:
        case "SIMPLE" if step.service:
            return _task(writing, step, (step.service, step.name), 1, names)
        case "SUB_WORKFLOW":
            param = step.sub_workflow_param
            if param is None or param.workflow_definition is not None or param.version is None:
                return None
            if msgspec.to_builtins(param).keys() - {"name", "version"} or param.name != step.name:
                return None
            return _task(writing, step, ("", step.name), param.version, names)
        case "WAIT":
            return _waited(writing, step, names)
        case "EVENT":
            return _published(writing, step, names)
        case "HUMAN":
            return _asked(writing, step, names)
        case _:
            return None


def _task(
    writing: Writing, step: Step, who: tuple[str, str], version: int, names: Names
) -> Call | None:
    """The call of a task, or of a workflow."""
    known = (
        CALLABLE
        if who[0]
        else (CALLABLE - {"undo", "service", "taskDefinition"}) | {"subWorkflowParam"}
    )
    if msgspec.to_builtins(step).keys() - known:
        return None
    stub = writing.stub(who, version)
    if stub.version != version:
        return None
    given = [f"{key}={expression(v, names)}" for key, v in step.input_parameters.items()]
    text = f"{stub.variable}{options(writing, step, step.name)}({', '.join(given)})"
    path = f"{step.ref}.output"
    return Call(text, (_of(stub, path),), f"{step.ref}_result", stub.gives)


def _of(stub: Stub, path: str) -> str:
    return f"{path}.result" if stub.wraps else path


def options(writing: Writing, step: Step, usual: str) -> str:
    """`.with_options(…)` with what a step says of itself, or nothing."""
    chosen = [] if step.ref == identifier(usual) else [f"ref={step.ref!r}"]
    chosen += [] if step.retry_count is None else [f"retries={step.retry_count}"]
    if step.task_definition is not None:
        chosen.append(f"timeout={step.task_definition.timeout_seconds!r}")
    chosen += ["optional=True"] if step.optional else []
    chosen += [f"start_delay={step.start_delay!r}"] if step.start_delay else []
    chosen += ["pivot=True"] if step.pivot else []
    if step.undo is not None:
        known = {"name", "inputParameters", "service"}
        if msgspec.to_builtins(step.undo).keys() - known or not step.undo.service:
            raise NoFormError(step.ref)
        undo = step.undo.service, step.undo.name
        if writing.wishes.undos.get((step.service, usual.removeprefix("each_"))) != undo:
            chosen.append(f"undo={writing.stub(undo).variable}")
    return f".with_options({', '.join(chosen)})" if chosen else ""


def _waited(writing: Writing, step: Step, names: Names) -> Call | None:
    """A WAIT as `sleep`, `until` or `wait_for`."""
    given = step.input_parameters
    if not is_bare(step):
        return None
    for key, word in (("duration", "sleep"), ("until", "until")):
        if list(given) == [key]:
            writing.public.add(word)
            return Call(f"{word}({expression(given[key], names)})")
    return _event(writing, step, names) if "event" in given and "match" in given else None


def _event(writing: Writing, step: Step, names: Names) -> Call | None:
    given: dict[str, Any] = dict(step.input_parameters)
    kind, match, code = given.pop("event"), given.pop("match"), given.pop("filter", "")
    name = writing.event(kind, _class(step.ref, "wait_for_"))
    tests = [f"event.{key} == {expression(value, names)}" for key, value in match.items()]
    if code:
        within = Names({**names.frame, "event": writing.wishes.events[kind]}, {"event": "event"})
        for key in [each for each in given if _GIVEN.fullmatch(each)]:
            within[key] = expression(given.pop(key), names)
        tests.append(f"({computed(code, within)})")
    chosen = [f"where=lambda event: {' and '.join(tests)}"]
    for key, word in (("duration", "timeout"), ("early", "early")):
        if key in given:
            chosen.append(f"{word}={expression(given.pop(key), names)}")
    if given:
        return None
    writing.public |= {"Event", "wait_for"}
    path = f"{step.ref}.output"
    timed = "duration" in step.input_parameters
    return Call(
        f"wait_for({name}, {', '.join(chosen)})",
        (path, f"{path} or None") if timed else (path,),
        f"{_class(step.ref, 'wait_for_').lower()}",
        f"{name} | None" if timed else name,
    )


def _published(writing: Writing, step: Step, names: Names) -> Call | None:
    """An EVENT for whoever listens as `publish`."""
    if not is_bare(step, "sink") or not step.sink.startswith(SINK):
        return None
    name = writing.event(step.sink.removeprefix(SINK), _class(step.ref, "publish_"))
    given = [f"{key}={expression(v, names)}" for key, v in step.input_parameters.items()]
    writing.public |= {"Event", "publish"}
    return Call(f"publish({name}({', '.join(given)}))")


def _asked(writing: Writing, step: Step, names: Names) -> Call | None:
    """A HUMAN as `person`."""
    given = dict(step.input_parameters)
    if not is_bare(step, "name") and not re.fullmatch(rf"{re.escape(step.name)}_\d+", step.ref):
        return None
    if given.pop("onDeadline", "continue") != "continue" or not all(map(is_plain, given)):
        return None
    chosen = [repr(step.name)]
    chosen += [f"{key}={expression(value, names)}" for key, value in given.items()]
    path = f"{step.ref}.output"
    shape = writing.wishes.at(path)
    gives = writing.type_of(shape, f"{step.ref}_answer") if shape.record else "dict[str, Any]"
    gives = gives.removesuffix(" | None")
    if shape.record:
        chosen.append(f"result={gives}")
    writing.public.add("person")
    timed = " | None" if "deadline" in given else ""
    return Call(f"person({', '.join(chosen)})", (path,), f"{step.ref}_answer", gives + timed)


def _class(ref: str, before: str) -> str:
    """`OrderPaid` of `wait_for_order_paid_2`."""
    stem = re.sub(r"_\d+$", "", ref.removeprefix(before))
    return "".join(part.capitalize() for part in stem.split("_"))
