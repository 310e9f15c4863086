"""The alarm clock: rings for timers, leases, deadlines and passes when their time has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush

from pavane.core.model.fact import AlarmRang
from pavane.errors import PavaneError
from pavane.ports.clock import Clock
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

_AT_ONCE = 200  # alarms in one go
LOOK_S = 30.0  # look at the store at least this often: the clock may have been set
_SOON_MS = 60_000  # later alarms are left to whoever has the duty then
_TROUBLE_S = 1.0  # after an alarm that could not be taken in


class Timers:
    """Sleeps until the earliest alarm in the store; `notice` wakes it for an earlier one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ring: Callable[[str, AlarmRang], Awaitable[object]],
        look_s: float = LOOK_S,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ring = ring
        self._look_s = look_s
        self._on_duty = on_duty
        self._noticed: list[int] = []  # alarms that we have set, for the time when we have no duty
        self._wake = asyncio.Event()
        self._until = 0  # sleeping until then; 0: not sleeping
        self._later: dict[tuple[str, str], int] = {}  # alarms in trouble, and when to try again

    def notice(self, at: int) -> None:
        """There is an alarm at this time."""
        if at and not self._on_duty() and at - self._clock.now() < _SOON_MS:
            heappush(self._noticed, at)
        if at and self._until and at < self._until:
            self._wake.set()

    async def run(self) -> None:
        """Ring for ever; cancel to stop."""
        while True:
            self._wake.clear()
            self._until = 1 << 62  # any alarm that is noticed from here on wakes us
            now = self._clock.now()
            if not self._rings(now):
                self._until = now + int(self._look_s * 1000)
                await self._sleep(self._until_noticed_s(now))
                continue
            try:
                due = await self._store.due(now, _AT_ONCE + len(self._later))
                rung = await self._ring_all([(e, r) for _, e, r in due], now)
                pause_s = 0.0 if rung else await self._pause_s(now)
            except PavaneError as error:
                _LOG.warning("timers: %s", error)
                pause_s = _TROUBLE_S
            if pause_s > 0:
                self._until = now + int(pause_s * 1000)
                await self._sleep(pause_s)

    def _rings(self, now: int) -> bool:
        """Whether it is for us to look: it is our duty, or we have set an alarm that is due."""
        ours = False
        while self._noticed and self._noticed[0] <= now:
            heappop(self._noticed)
            ours = True
        return ours or self._on_duty()

    def _until_noticed_s(self, now: int) -> float:
        ahead = (self._noticed[0] - now) / 1000 if self._noticed else self._look_s
        return min(self._look_s, max(0.001, ahead))

    async def _pause_s(self, now: int) -> float:
        following = await self._store.next_alarm()
        if not following:
            return self._look_s
        if self._later:
            following = max(following, min(self._later.values()))
        return min(self._look_s, max(0.001, (following - now) / 1000))

    async def _sleep(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _ring_all(self, alarms: list[tuple[str, str]], now: int) -> bool:
        self._later = {alarm: at for alarm, at in self._later.items() if at > now}
        wanted = [alarm for alarm in alarms if alarm not in self._later][:_AT_ONCE]
        answers = await asyncio.gather(
            *(self._ring(execution_id, AlarmRang(ref)) for execution_id, ref in wanted),
            return_exceptions=True,
        )
        for alarm, answer in zip(wanted, answers, strict=True):
            if answer is not True:  # an error, or an alarm that means nothing any more
                if isinstance(answer, BaseException):
                    _LOG.warning("alarm of %s %s: %s", *alarm, answer)
                self._later[alarm] = now + int(_TROUBLE_S * 1000)
        return bool(wanted)
