"""What the language recognises in the world around a workflow: tasks, workflows and words.

The language lies below the sdk, so it knows these things by their shape, never by their class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from types import FunctionType
from typing import Any, Protocol, TypeVar

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Style
from pavane.errors import DefinitionError
from pavane.language.durations import parse_duration

WORD = "__pavane_word__"
"""The attribute by which `gather`, `sleep`, `wait_for` and the other words are known."""

WORKFLOW = "__pavane_workflow__"
"""The attribute, true on its class, by which a workflow function is known."""


class TaskOffer(Protocol):
    """A task that a service offers, as a workflow sees it."""

    @property
    def name(self) -> str:
        """The name of the task on the wire."""
        ...

    @property
    def service(self) -> str:
        """The name of the service that does it."""
        ...

    @property
    def definition(self) -> TaskDefinition:
        """Its retries, timeouts and undo."""
        ...

    @property
    def signature(self) -> inspect.Signature:
        """Its parameters with resolved annotations, without a TaskContext."""
        ...

    @property
    def returns(self) -> Any:
        """The resolved type of its result."""
        ...

    @property
    def undo(self) -> TaskOffer | None:
        """The task that reverses it."""
        ...

    @property
    def pivot(self) -> bool:
        """Whether there is no way back after it."""
        ...

    @property
    def options(self) -> StepOptions:
        """What `with_options` has set."""
        ...


class WorkflowOffer(Protocol):
    """A workflow function, as another workflow that calls it sees it."""

    @property
    def function(self) -> FunctionType:
        """The plain async function that is read."""
        ...

    @property
    def name(self) -> str:
        """The name of the workflow on the wire."""
        ...

    @property
    def version(self) -> int:
        """The author's version."""
        ...

    @property
    def style(self) -> Style | None:
        """How it runs by default."""
        ...

    @property
    def signature(self) -> inspect.Signature:
        """Its parameters with resolved annotations."""
        ...

    @property
    def returns(self) -> Any:
        """The resolved type of its result."""
        ...

    @property
    def options(self) -> StepOptions:
        """What `with_options` has set."""
        ...


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What a call site says about its step beyond the task's own definition."""

    ref: str = ""
    retries: int | None = None
    timeout_s: float | None = None
    undo: TaskOffer | None = None
    pivot: bool = False
    optional: bool = False
    start_delay_s: float = 0.0

    def changed(
        self,
        *,
        ref: str | None = None,
        retries: int | None = None,
        timeout: str | float | timedelta | None = None,
        undo: TaskOffer | None = None,
        pivot: bool | None = None,
        optional: bool | None = None,
        start_delay: str | float | timedelta | None = None,
    ) -> StepOptions:
        """A copy with what is given; DefinitionError where a value makes no sense."""
        options = self
        _ensure_kinds(ref=ref, retries=retries, pivot=pivot, optional=optional, undo=undo)
        if ref is not None:
            if not ref.isidentifier():
                raise DefinitionError(
                    f"{ref!r} cannot name a step.", "Use letters, digits and underscores."
                )
            options = replace(options, ref=ref)
        if retries is not None:
            if retries < 0:
                raise DefinitionError(f"retries={retries} is negative.", "Use 0 for none.")
            options = replace(options, retries=retries)
        if timeout is not None:
            options = replace(options, timeout_s=parse_duration(timeout))
            if not options.timeout_s:
                raise DefinitionError(
                    f"timeout={timeout!r} leaves no time.", "Leave it out for the task's own."
                )
        if undo is not None:
            options = replace(options, undo=undo)
        if pivot is not None:
            options = replace(options, pivot=pivot)
        if optional is not None:
            options = replace(options, optional=optional)
        if start_delay is not None:
            options = replace(options, start_delay_s=parse_duration(start_delay))
        return options


def _ensure_kinds(**given: Any) -> None:
    """DefinitionError where an option is of another kind than it must be."""
    wanted: dict[str, tuple[Callable[[Any], bool], str, str]] = {
        "ref": (lambda value: isinstance(value, str), "a text", 'Write ref="hold".'),
        "retries": (
            lambda value: type(value) is int,
            "a whole number",
            "Say how often, 0 for not at all; for ever is an option of the task itself.",
        ),
        "pivot": (lambda value: type(value) is bool, "True or False", "Write pivot=True."),
        "optional": (lambda value: type(value) is bool, "True or False", "Write optional=True."),
        "undo": (is_task, "a task", "Give it a task of a service, without brackets."),
    }
    for name, value in given.items():
        fits, kind, remedy = wanted[name]
        if value is not None and not fits(value):
            shown = getattr(value, "__name__", None) or getattr(value, "name", repr(value))
            raise DefinitionError(f"{name}={shown} is not {kind}.", remedy)


def word_of(thing: object) -> str:
    """The word of the language that an object stands for, or an empty text."""
    word = inspect.getattr_static(thing, WORD, "")
    return word if isinstance(word, str) else ""


def is_workflow(thing: object) -> bool:
    """Whether an object is a workflow function (its definition is not compiled to find out)."""
    return inspect.getattr_static(type(thing), WORKFLOW, False) is True


_TASK_SHAPE = ("name", "service", "signature", "returns", "undo", "options")


def is_task(thing: object) -> bool:
    """Whether an object offers a task."""
    if isinstance(thing, type) or is_workflow(thing):
        return False
    return all(_has(thing, attribute) for attribute in _TASK_SHAPE)


def _has(thing: object, attribute: str) -> bool:
    missing = object()
    return inspect.getattr_static(thing, attribute, missing) is not missing


Marked = TypeVar("Marked")


def mark(word: str) -> Callable[[Marked], Marked]:
    """Decorate a function of the sdk as a word of the language."""

    def put(function: Marked) -> Marked:
        setattr(function, WORD, word)
        return function

    return put
