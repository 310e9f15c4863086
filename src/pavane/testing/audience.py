"""Whoever a play waits for: people who answer, events that come, somebody who says it is enough."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

import msgspec

from pavane.core.decide.event_waits import passes
from pavane.core.model import status as st
from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.engine.waiting import Changes
from pavane.errors import ConflictError, UsageError
from pavane.testing.answers import Answers
from pavane.testing.simulation.scripts import Turn

Look = Callable[[str], Awaitable[ExecutionView | None]]
Signal = Callable[[ExecutionView, StepView, Turn], Awaitable[None]]


class Audience:
    """Follows a play, and answers each step that waits as it is scripted, once."""

    def __init__(self, answers: Answers, look: Look, signal: Signal) -> None:
        self._answers = answers
        self._look = look
        self._signal = signal
        self._asked: set[tuple[str, str]] = set()
        self._times: Counter[str] = Counter()

    async def attend(
        self, following: AbstractContextManager[Changes], enough: asyncio.Event
    ) -> None:
        """Until it is `enough`; UsageError where an answer is none to what is asked."""
        try:
            with following as changes:
                async with asyncio.TaskGroup() as later:
                    if self._answers.has_for_waiting:  # otherwise nobody has to look
                        looking = later.create_task(self._follow(changes, later))
                        await enough.wait()
                        looking.cancel()
                    else:
                        await enough.wait()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _follow(self, changes: Changes, later: asyncio.TaskGroup) -> None:
        while True:
            for id in sorted(await changes.get()):
                await self._look_at(id, later)

    async def _look_at(self, id: str, later: asyncio.TaskGroup) -> None:
        view = await self._look(id)
        if view is not None:
            for step in view.steps:
                if step.type in ("HUMAN", "WAIT") and step.status in st.OPEN:
                    self._answer(view, step, later)

    def _answer(self, view: ExecutionView, step: StepView, later: asyncio.TaskGroup) -> None:
        if (view.id, step.ref) in self._asked:
            return
        self._asked.add((view.id, step.ref))
        turn = self._answers.of_waiting(step.ref, step.task, self._times[step.task])
        self._times[step.task] += 1
        if turn is not None and turn.end != "HANG":
            later.create_task(self._later(view, step, turn))

    async def _later(self, view: ExecutionView, step: StepView, turn: Turn) -> None:
        await asyncio.sleep(turn.report_ms / 1000)
        given = msgspec.json.decode(step.input, type=dict[str, Any])
        if given.get("event") and turn.end == st.COMPLETED:
            _ensure_awaited(step.ref, given, msgspec.json.decode(turn.output))
        with suppress(ConflictError):  # it waits no longer
            await self._signal(view, step, turn)


def _ensure_awaited(ref: str, given: dict[str, Any], data: dict[str, Any]) -> None:
    """Only an event that the step waits for would have found it."""
    match: dict[str, Any] = given.get("match") or {}
    for name, value in match.items():
        if data.get(name) != value:
            raise UsageError(
                f"The event scripted for {ref!r} has {name} = {data.get(name)!r}, and the step "
                f"waits for one with {value!r}.",
                "Give it the field that `where` asks for.",
            )
    if not passes(given, data):
        raise UsageError(
            f"The event scripted for {ref!r} is one that its `where` does not let pass.",
            "Give one for which it is true.",
        )
