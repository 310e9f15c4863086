"""Definitions made known over the bus, to a server that may not be there yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pavane.core.model.event import Outgoing
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine.queued import messages
from pavane.engine.queued.following import until_done
from pavane.engine.queued.messages import Answer, Offer
from pavane.ports.bus import REPORTS, Bus
from pavane.ports.clock import Clock
from pavane.sdk.problems import Problem, error_of

_PAUSE_S: Final = (1.0, 10.0)  # first and longest, between two tries


class Offering:
    """What one process has to offer, until a server has said that it is registered."""

    def __init__(self, bus: Bus, clock: Clock, name: str, service: str) -> None:
        self._bus = bus
        self._clock = clock
        self._name = name
        self._service = service
        self._offer: Offer | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._tries = 0
        self._going: set[asyncio.Task[None]] = set()

    async def register(
        self,
        workflows: Sequence[Workflow],
        tasks: Sequence[TaskDefinition],
        *,
        overwrite: bool,
        on_wait: Callable[[str], None],
    ) -> None:
        """Offer definitions until a server has taken them; `on_wait` hears once that none answers.

        DefinitionError, AlreadyExistsError and what else a server says to it.
        """
        self._offer = Offer(self._name, self._service, list(workflows), list(tasks), overwrite)
        pause_s, longest_s = _PAUSE_S
        while True:
            self._answer = asyncio.get_running_loop().create_future()
            await self._send()
            try:
                async with asyncio.timeout(pause_s):
                    said = await self._answer
                break
            except TimeoutError:
                if pause_s == _PAUSE_S[0] * 2:
                    on_wait("No server on the bus has answered yet.")
                pause_s = min(pause_s * 2, longest_s)
        if said.code:
            raise error_of(Problem(said.code, said.detail, said.remedy, list(said.findings)))

    def answered(self, said: Answer) -> None:
        """A server says something about definitions, perhaps another process's."""
        if said.worker != self._name:
            return
        if said.again:
            if self._offer is not None and not self._going:
                task = asyncio.get_running_loop().create_task(self._send())
                self._going.add(task)
                task.add_done_callback(self._going.discard)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(said)

    async def _send(self) -> None:
        assert self._offer is not None
        self._tries += 1
        id, now = f"{self._name}/offer/{self._tries}", self._clock.now()
        about = messages.event(messages.OFFER, id, self._offer, now)
        out = Outgoing(REPORTS, self._service, about)
        await until_done(lambda: self._bus.publish([out]))
