"""An engine whose workflows come over its API, on a bus: it hears what they need, now and later."""

from __future__ import annotations

import asyncio

from msgspec import structs

from pavane.core.decide.event_waits import needs_bus
from pavane.core.model.workflow import Workflow, content_hash
from pavane.engine.engine import Engine
from pavane.ports.bus import Bus
from pavane.ports.clock import Clock
from pavane.ports.ledger import Ledger
from pavane.sdk.conducted_events import ConductedEvents


class Listening:
    """Listens for the workflows that an engine has. `ledger` is open and stays so until `stop`.

    A registration returns when what the workflow needs is listened for.
    """

    def __init__(self, engine: Engine, bus: Bus, ledger: Ledger, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._ledger = ledger
        self._clock = clock
        self._events: ConductedEvents | None = None
        self._heard: frozenset[str] = frozenset()  # content hashes
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Listen for what is registered already; from now on, workflows with events are taken."""
        self._engine.registry.tell_of_workflows(self._changed)
        await self._changed()

    async def stop(self) -> None:
        """Listen no more; workflows with events are refused again."""
        self._engine.registry.tell_of_workflows(None)
        async with self._one_at_a_time:
            if self._events is not None:
                await self._events.stop()

    async def _changed(self) -> None:
        async with self._one_at_a_time:
            wanted = await self._wanted()
            heard = frozenset(map(content_hash, wanted))
            if heard == self._heard:
                return
            if self._events is not None:
                await self._events.stop()
            self._events = ConductedEvents(
                self._engine, self._bus, self._ledger, self._clock, wanted
            )
            await self._events.start()
            self._heard = heard

    async def _wanted(self) -> list[Workflow]:
        """All that need events: of each version its steps, and the beginning of the newest."""
        registry, found = self._engine.registry, list[Workflow]()
        for versions in registry.names():
            newest = max(versions)
            for version, hash in sorted(versions.items()):
                workflow = await registry.workflow(hash)
                if version != newest:
                    workflow = structs.replace(workflow, started_by=None)
                if needs_bus(workflow):
                    found.append(workflow)
        return found
