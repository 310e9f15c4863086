"""People and clients of a simulation: they start, wait, pause, terminate, retry, signal, settle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec

from pavane.core.model.rows import Header
from pavane.engine.engine import Engine
from pavane.errors import PavaneError, StoreFullError
from pavane.ports.store import Search, Snapshot
from pavane.testing.simulation.case import Ask, Case, Start
from pavane.testing.simulation.node import Line
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.workers import NodeDiedError

_AGAIN_S = 0.3
_LOOKS_S = 3.0
_OPEN = ("RUNNING", "PAUSED", "COMPENSATING", "NEEDS_ATTENTION")


class People:
    """Everybody who asks something of the engine in a case."""

    def __init__(self, case: Case, line: Line, outside: Outside) -> None:
        self._case = case
        self._line = line
        self._outside = outside
        self._chance = Random(f"people {case.seed}")
        self._known: dict[str, None] = {}
        self._settled: dict[tuple[str, str], int] = {}
        self._paused: dict[str, int] = {}

    async def start(self, number: int, start: Start) -> None:
        """Start an execution, however often it takes, and wait for its end."""
        await asyncio.sleep(start.at_s)
        body, key = msgspec.json.encode(start.input), f"key-{number}"
        ids = [await self._started(body, key)]
        if start.twice:
            ids.append(await self._started(body, key))
        self._outside.asked("wait", ids[0], ids=ids)
        while True:
            try:
                header = await self._line.call(lambda engine: engine.wait(ids[0]))
            except NodeDiedError:
                await asyncio.sleep(_AGAIN_S)
                continue
            self._outside.asked("waited", ids[0], answer=header.status)
            return

    async def _started(self, body: bytes, key: str) -> str:
        while True:
            entry = self._outside.asked("start", "", key=key)
            try:
                found = await self._line.call(
                    lambda engine: engine.start_execution("main", body, key=key)
                )
            except (NodeDiedError, StoreFullError) as error:
                entry["answer"] = "lost" if isinstance(error, NodeDiedError) else error.code
                await asyncio.sleep(_AGAIN_S)
                continue
            entry["answer"], entry["id"] = "ok", found
            self._known[found] = None
            return found

    async def ask(self, ask: Ask) -> None:
        """One request at its time."""
        await asyncio.sleep(ask.at_s)
        ids = sorted(self._known)
        if not ids:
            return
        action, id = ask.action, ids[int(ask.which * len(ids))]
        if action == "signal":
            await self._signal_any(id)
        elif action == "pause":
            await self._try("pause", id, lambda engine: engine.pause(id))
        elif action == "resume":
            await self._try("resume", id, lambda engine: engine.resume(id))
        elif action == "retry":
            await self._try("retry", id, lambda engine: engine.retry(id))
        elif action == "terminate":
            await self._try("terminate", id, lambda engine: engine.terminate(id, "enough"))
        elif action == "abandon":
            await self._try(
                "leave", id, lambda engine: engine.terminate(id, "as it stands", undo=False)
            )

    async def _try(
        self, action: str, id: str, ask: Callable[[Engine], Awaitable[object]], **more: Any
    ) -> None:
        entry = self._outside.asked(action, id, answer="lost", **more)
        try:
            await self._line.call(ask)
        except NodeDiedError:
            pass
        except PavaneError as error:
            entry["answer"] = error.code
        else:
            entry["answer"] = "ok"

    # --- looking after what waits ---------------------------------------------------------------

    async def look_after(self) -> None:
        """Resume, signal, retry and settle, until nothing is open any more for a while."""
        while True:
            await asyncio.sleep(_LOOKS_S)
            node = self._line.node
            if node is None or not node.up:
                continue
            async with node.store.snapshot() as seen:
                wanted = Search(statuses=_OPEN, limit=1000)
                found = [(h, await _parked(seen, h)) for h in await seen.search(wanted)]
            for header, parked in reversed(found):
                self._known[header.id] = None
                await self._look_after(header.id, header.status, parked)

    async def _look_after(self, id: str, status: str, parked: str) -> None:
        if status == "NEEDS_ATTENTION":
            await self._settle(id, parked)
        elif status == "PAUSED":
            self._paused[id] = self._paused.get(id, 0) + 1
            if self._paused[id] % 3 == 0:
                await self._try("resume", id, lambda engine: engine.resume(id))
        elif status == "RUNNING" and self._chance.random() < 0.3:
            await self._signal_any(id)

    async def _settle(self, id: str, ref: str) -> None:
        """A person looks at what gave up; nobody retries for ever."""
        if not ref:
            await self._resolve(id, ref, "abandon")
            return
        times = self._settled[id, ref] = self._settled.get((id, ref), 0) + 1
        action = self._chance.choice(("retry", "retry", "retry", "done", "abandon"))
        if times > 3 and action == "retry":
            action = "done"
        await self._resolve(id, ref, action)

    async def _resolve(self, id: str, ref: str, action: str) -> None:
        if action == "done":
            self._outside.by_hand(id, ref)

        async def ask(engine: Engine) -> None:
            await engine.resolve(id, ref, action)  # type: ignore[arg-type]  # one of the three

        await self._try("resolve", id, ask, ref=ref, how=action)

    async def _signal_any(self, id: str) -> None:
        node = self._line.node
        if node is None or not node.up:
            return
        async with node.store.snapshot() as seen:
            tasks = [t for t in await seen.tasks(id) if t.type == "WAIT"]
        waiting = [t.ref for t in tasks if t.status == "IN_PROGRESS" and not t.visible_at]
        if waiting:
            ref = self._chance.choice(waiting)
            end = "FAILED" if self._chance.random() < 0.12 else "COMPLETED"
            await self._try(
                "signal", id, lambda engine: engine.signal(id, ref, b'{"n":1}', end), ref=ref
            )


async def _parked(seen: Snapshot, header: Header) -> str:
    """What waits for a person: an undo that gave up, or the step that failed behind a pivot."""
    if header.status != "NEEDS_ATTENTION":
        return ""
    refs = [ready.ref for ready in await seen.ready(header.id) if ready.mark == "parked"]
    return refs[0] if refs else header.failed_ref
