"""Starts workflows at their times: once at each, by a start key made of schedule and time.

What a schedule has come to is kept behind each start. A process that dies in between comes to the
same time again, with the same key, and finds the execution that it had started.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import msgspec
from msgspec import structs

from pavane.core.model.schedule import Beat, Schedule
from pavane.core.model.ticks import fault_in, following, next_of, preceding, spelled
from pavane.core.model.workflow import Workflow
from pavane.engine.timers import LOOK_S
from pavane.errors import (
    AlreadyExistsError,
    ConflictError,
    DefinitionError,
    InputError,
    NotFoundError,
    PavaneError,
    StoppingError,
    StoreError,
)
from pavane.ports.clock import Clock
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

NAME_MAX: Final = 255
LATE_MS: Final = 60_000
"""A time is missed when it is this much behind and nothing was started; for `missed="none"`."""

_TROUBLE_S = 1.0
_AT_ONCE = 100  # starts of one schedule that catches up with all, before others have their turn
_encode = msgspec.json.encode

Start = Callable[..., Coroutine[Any, Any, str]]


class Schedules:
    """All schedules of a store. `start` starts an execution (`Engine.start_execution`)."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        start: Start,
        look_s: float = LOOK_S,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._start = start
        self._look_s = look_s
        self._on_duty = on_duty
        self._known: dict[str, Schedule] = {}
        self._wake = asyncio.Event()

    async def open(self) -> None:
        """Read what is kept, by others too."""
        bodies = await self._store.schedules()
        self._known = {
            name: msgspec.json.decode(body, type=Schedule) for name, body in bodies.items()
        }

    def all(self) -> list[Schedule]:
        """All of them, by name."""
        return [self._known[name] for name in sorted(self._known)]

    def find(self, name: str) -> Schedule:
        """One of them. NotFoundError."""
        found = self._known.get(name)
        if found is None:
            raise NotFoundError(f"There is no schedule {name!r}.", "`pavane schedules` lists them.")
        return found

    async def put(self, schedule: Schedule) -> Schedule:
        """Keep a schedule, in place of the one of its name. InputError for what makes no sense.

        Its next time is worked out anew where its rhythm has changed.
        """
        _check(schedule)
        now = self._clock.now()
        old = self._known.get(schedule.name)
        if old is not None and old.declared and not schedule.declared:
            raise ConflictError(
                f"The schedule {schedule.name!r} is declared by its workflow.",
                "Change it there, pause it, or give yours another name.",
            )
        same = old is not None and _rhythm(old) == _rhythm(schedule)
        schedule = structs.replace(
            schedule,
            created_at=old.created_at if old else now,
            updated_at=now,
            next_at=old.next_at if old and same else next_of(schedule, now),
            last_at=old.last_at if old else 0,
            last_id=old.last_id if old else "",
        )
        if old is not None and schedule.declared:
            schedule = structs.replace(schedule, paused=old.paused, paused_reason=old.paused_reason)
        await self._keep(schedule)
        return schedule

    async def declare(self, workflows: Iterable[Workflow], newest: Callable[[str], int]) -> None:
        """Take in what registered workflows say of their own schedules, the newest versions."""
        for workflow in workflows:
            if workflow.version != newest(workflow.name):
                continue
            said, known = workflow.schedule, self._known.get(workflow.name)
            if said is None:
                if known is not None and known.declared:
                    await self._forget(workflow.name)
                continue
            if known is not None and not known.declared:
                raise AlreadyExistsError(
                    f"There is a schedule {workflow.name!r} that somebody made by hand.",
                    "Delete that one, or leave the workflow's own out.",
                )
            declared = Schedule(
                name=workflow.name,
                workflow=workflow.name,
                beats=(Beat(said.every, said.zone),),
                input=said.input,
                time_parameter=said.time_parameter,
                missed=said.missed,
                declared=True,
            )
            if known is None or _declaration(known) != _declaration(declared):
                await self.put(declared)

    async def pause(self, name: str, reason: str = "") -> Schedule:
        """Start nothing until it is resumed."""
        paused = structs.replace(self.find(name), paused=True, paused_reason=reason)
        await self._keep(paused)
        return paused

    async def resume(self, name: str) -> Schedule:
        """Go on with the next time; those that passed meanwhile were not missed."""
        found = self.find(name)
        if found.paused:
            now = self._clock.now()
            found = structs.replace(
                found, paused=False, paused_reason="", next_at=next_of(found, now)
            )
            await self._keep(found)
        return found

    async def remove(self, name: str) -> None:
        """Forget a schedule. NotFoundError; ConflictError where a workflow declares it."""
        if self.find(name).declared:
            raise ConflictError(
                f"The schedule {name!r} is declared by its workflow.",
                "Pause it, or register the workflow without it.",
            )
        await self._forget(name)

    async def _forget(self, name: str) -> None:
        await self._store.remove_schedule(name)
        self._known.pop(name, None)

    async def _keep(self, schedule: Schedule) -> None:
        await self._store.put_schedule(schedule.name, _encode(schedule))
        self._known[schedule.name] = schedule
        self._wake.set()

    # --- the clock ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start what is due, for ever; cancel to stop."""
        while True:
            self._wake.clear()
            pause_s = await self._round() if self._on_duty() else self._look_s
            if pause_s > 0:
                try:
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _round(self) -> float:
        """Start what is due now; how long to wait."""
        now = self._clock.now()
        due = [each for each in self._known.values() if _is_due(each, now)]
        for schedule in due:
            try:
                await self._begin(schedule, now)
            except (StoreError, StoppingError) as error:
                _LOG.warning("schedule %s: %s", schedule.name, error)
                return _TROUBLE_S
        ahead = [each.next_at for each in self._known.values() if each.next_at and not each.paused]
        if not ahead:
            return self._look_s
        return min(self._look_s, max(0.0, (min(ahead) - self._clock.now()) / 1000))

    async def _begin(self, schedule: Schedule, now: int) -> None:
        times = _times(schedule, now)
        for at in times:
            found = self._known.get(schedule.name)
            if found is None or found.paused or _rhythm(found) != _rhythm(schedule):
                return  # somebody has changed it meanwhile
            started, error = await self._one(schedule, at)
            after = at if schedule.missed == "all" else now
            changed = structs.replace(self.find(schedule.name), next_at=next_of(schedule, after))
            if started:
                changed = structs.replace(changed, last_at=at, last_id=started)
            await self._keep(structs.replace(changed, last_error=error))
        if not times:
            await self._keep(structs.replace(schedule, next_at=next_of(schedule, now)))

    async def _one(self, schedule: Schedule, at: int) -> tuple[str, str]:
        """What was started at this time, or why nothing was."""
        time = spelled(at)
        given = dict(schedule.input)
        if schedule.time_parameter:
            given[schedule.time_parameter] = time
        try:
            return await self._start(
                schedule.workflow,
                _encode(given),
                version=schedule.version,
                key=f"schedule {schedule.name} {time}",
                correlation_id=schedule.correlation_id,
                priority=schedule.priority,
            ), ""
        except (StoreError, StoppingError):
            raise
        except PavaneError as error:
            _LOG.warning("schedule %s started nothing at %s: %s", schedule.name, time, error)
            return "", str(error)


def _is_due(schedule: Schedule, now: int) -> bool:
    return bool(schedule.next_at) and schedule.next_at <= now and not schedule.paused


def _times(schedule: Schedule, now: int) -> list[int]:
    """The times that are due and start something, the earliest first."""
    last = preceding(schedule.beats, min(now, schedule.ends_at or now))
    last = max(last, schedule.next_at)
    if schedule.missed == "last":
        return [last]
    if schedule.missed == "none":
        return [last] if now - last < LATE_MS else []
    times: list[int] = []
    at = schedule.next_at
    while at and at <= last and len(times) < _AT_ONCE:
        times.append(at)
        at = following(schedule.beats, at)
    return times


def _rhythm(schedule: Schedule) -> tuple[object, ...]:
    return schedule.beats, schedule.begins_at, schedule.ends_at


def _declaration(schedule: Schedule) -> tuple[object, ...]:
    return schedule.beats, schedule.input, schedule.time_parameter, schedule.missed


def _check(schedule: Schedule) -> None:
    if not schedule.name or len(schedule.name) > NAME_MAX:
        raise InputError(f"A schedule needs a name of 1 to {NAME_MAX} characters.", "Give it one.")
    if not schedule.beats:
        raise InputError(f"The schedule {schedule.name!r} has no times.", "Give it an expression.")
    for beat in schedule.beats:
        if wrong := fault_in(beat):
            raise DefinitionError(
                f"The schedule {schedule.name!r}: {beat.every!r} {wrong}.",
                "Write six fields of cron, as in '0 0 9 * * *', or a duration such as '10m'.",
            )
