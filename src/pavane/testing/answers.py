"""What scripted tasks answer: values, failures, later, never, or something else each time."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, cast

import msgspec

from pavane.core.model.work import Assignment
from pavane.errors import Fail, InputError, UsageError
from pavane.language.offers import TaskOffer
from pavane.sdk.attempt import words_of
from pavane.sdk.contract import encode
from pavane.sdk.task import Task
from pavane.testing.simulation.scripts import Turn

_NEVER_MS = 86_400_000


class Later(msgspec.Struct, frozen=True):
    """An answer that takes its time."""

    delay_s: float
    answer: Any = None


class InTurn(msgspec.Struct, frozen=True):
    """One answer for each attempt; the last one is repeated."""

    answers: tuple[Any, ...]


class Never(msgspec.Struct, frozen=True):
    """No answer: only a time limit or a cancel gets on."""


HANG: Final = Never()


def after(delay_s: float, answer: Any = None) -> Later:
    """The answer, `delay_s` seconds after the task was called."""
    return Later(delay_s, answer)


def in_turn(*answers: Any) -> InTurn:
    """The first answer at the first attempt, the second at the next one, and so on."""
    return InTurn(answers)


class Answers:
    """Looks up what a task is to answer, by step or by task."""

    def __init__(self, results: Mapping[Any, Any], tasks: Sequence[TaskOffer]) -> None:
        self._given = {_name(key): answer for key, answer in results.items()}
        self._tasks: dict[str, Task[..., Any]] = {}
        self.has_for_waiting = False
        for task in tasks:
            for each in (task, task.undo):
                if isinstance(each, Task):
                    self._tasks[each.name] = cast("Task[..., Any]", each)

    def check(self, refs: Sequence[tuple[str, str]]) -> None:
        """UsageError where a step (ref, task) that returns something has no answer."""
        lacking = sorted({task for ref, task in refs if self._lacks(ref, task)})
        if lacking:
            raise UsageError(
                f"No result is scripted for {', '.join(lacking)}.",
                f"Say what it answers, as in results={{{lacking[0]!r}: ...}}.",
            )

    def _lacks(self, ref: str, task: str) -> bool:
        known = self._tasks.get(task)
        if known is None or known.returns in (None, type(None)):
            return False
        return not {ref, task} & self._given.keys()

    def check_names(
        self, names: Collection[str], waiting: Collection[str], stems: Collection[str] = ()
    ) -> None:
        """UsageError where an answer is given for what is neither a step nor a task.

        `waiting`: the names of the steps that wait for somebody outside; `stems`: what the names of
        branches made at run time begin with, in front of a number.
        """
        branches = {n for n in self._given if _bare(n).rstrip("0123456789") in stems}
        known = {*names, *self._tasks, *branches}
        self.has_for_waiting = any({name, _bare(name)} & {*waiting} for name in self._given)
        for name in self._given:
            if name not in known and _bare(name) not in known:
                near = get_close_matches(name, known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else "Name a task, or a step."
                raise UsageError(f"There is no step and no task {name!r} to answer for.", hint)

    def turn(self, given: Assignment) -> Turn:
        """What the handler does at this attempt."""
        own = self._given.get(_bare(given.ref), self._given.get(given.task))
        answer = self._given.get(given.ref, own)
        if isinstance(answer, InTurn):
            answer = answer.answers[min(given.attempt, len(answer.answers) - 1)]
        delay_ms = 0
        while isinstance(answer, Later):
            delay_ms += round(answer.delay_s * 1000)
            answer = answer.answer
        if isinstance(answer, Never):
            return Turn("HANG", _NEVER_MS)
        if isinstance(answer, Fail):
            return Turn("FAILED_WITH_TERMINAL_ERROR", delay_ms, reason=str(answer))
        if isinstance(answer, BaseException):
            return Turn("FAILED", delay_ms, reason=words_of(answer))
        return self._done(given, answer, delay_ms)

    def of_waiting(self, ref: str, name: str, time: int) -> Turn | None:
        """What comes to a step that waits, the `time`th time (from 0); None where nothing does.

        An answer of a person and an event are given as they are: an object, or an `Event`.
        """
        answer = self._given.get(ref, self._given.get(_bare(ref), self._given.get(name, HANG)))
        if isinstance(answer, InTurn):
            answer = answer.answers[min(time, len(answer.answers) - 1)]
        delay_ms = 0
        while isinstance(answer, Later):
            delay_ms += round(answer.delay_s * 1000)
            answer = answer.answer
        if isinstance(answer, Never):
            return None
        if isinstance(answer, BaseException):
            return Turn("FAILED", delay_ms, reason=str(answer), output=b"{}")
        output = encode({} if answer is None else answer)
        if not output.startswith(b"{"):
            raise UsageError(
                f"The answer scripted for {ref!r} is {answer!r}.",
                "To a step that waits comes an object, such as a dict, a struct or an Event.",
            )
        return Turn("COMPLETED", delay_ms, output=output)

    def _done(self, given: Assignment, answer: Any, delay_ms: int) -> Turn:
        task = self._tasks.get(given.task)
        try:
            output = task.contract.result(answer) if task else msgspec.json.encode(answer)
        except InputError as refusal:  # as a worker does with what the task did not promise
            return Turn("FAILED_WITH_TERMINAL_ERROR", delay_ms, reason=str(refusal))
        reads = task is not None and task.definition.read_only
        return Turn("COMPLETED", delay_ms, -1 if reads else delay_ms, output=output)


def _bare(ref: str) -> str:
    """The name of a step without the numbers of its iterations."""
    return re.sub(r"(__\d+)+$", "", ref)


def _name(key: Any) -> str:
    if isinstance(key, str):
        return key
    name = getattr(key, "name", None)
    if not isinstance(name, str):
        raise UsageError(f"{key!r} is neither a task nor a name.", "Name a task, or a step.")
    return name
