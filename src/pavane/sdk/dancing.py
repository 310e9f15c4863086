"""A client among dancers: asks become messages on the bus, answers are what is observed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from pavane.core.model import status as st
from pavane.core.projection.rows import NOT_SETTLED
from pavane.engine.views.shapes import ExecutionView
from pavane.errors import ConflictError, PastPivotError, ResultTimeoutError
from pavane.observer.fold import Order
from pavane.observer.observer import Observer
from pavane.observer.steps import newest
from pavane.participant.requests import Requests, no_priority, only_return
from pavane.ports.clock import Chance
from pavane.sdk.given import GivenEvent
from pavane.sdk.plans import Answer, Ask
from pavane.sdk.queries import AskBody, search_of
from pavane.sdk.telling import tell

_SEEN_S = 5.0  # how long what was asked may take until it shows


class DancersTransport:
    """Answers for choreographed executions, on the event loop of their participants."""

    def __init__(self, requests: Requests, observer: Observer, chance: Chance) -> None:
        self._requests = requests
        self._observer = observer
        self._chance = chance

    async def close(self) -> None:
        """Bus and observer are not ours to close."""

    async def ask(self, ask: Ask) -> Answer:
        """Do what is asked."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(ask.delay_s)
        began = loop.time()
        value = await self._do(ask)
        return Answer(200, msgspec.json.encode(value), loop.time() - began)

    async def _do(self, ask: Ask) -> Any:
        match ask.verb:
            case "start":
                given = msgspec.json.decode(ask.body, type=AskBody)
                if given.priority:
                    raise no_priority()
                if given.if_exists != "return":
                    raise only_return(given.if_exists)
                key = given.key or f"{self._chance.getrandbits(128):032x}"
                return {
                    "id": await self._requests.start(
                        ask.place["workflow"],
                        bytes(given.input),
                        key=key,
                        correlation_id=given.correlation_id,
                    )
                }
            case "publish":
                event = msgspec.json.decode(ask.body, type=GivenEvent).event()
                return {"id": await tell(event, self._requests, self._chance)}
            case "find":
                return {"executions": self._observer.executions(search_of(ask.query))}
            case "state":
                return self._observer.execution(ask.place["id"])
            case "result":
                return await self._result(ask.place["id"], ask.wait_s)
            case "terminate" | "signal" | "resolve":
                return await self._act(ask)
            case _:
                raise ConflictError(
                    f"Nobody can {ask.verb.replace('_', ' ')} a choreographed execution: "
                    "there is no conductor to ask.",
                    "Let the workflow be orchestrated, or cancel the execution.",
                )

    async def _result(self, execution_id: str, wait_s: float) -> dict[str, Any]:
        with contextlib.suppress(ResultTimeoutError):
            await self._observer.wait(execution_id, max(wait_s, 0.01))
        if not self._observer.views.knows(execution_id):
            return {"status": st.RUNNING}  # its start is on the way
        view = self._observer.execution(execution_id)
        standing: dict[str, Any] = {"status": view.status, "reason": view.reason}
        return {**standing, "output": view.output} if view.ended_at else standing

    async def _act(self, ask: Ask) -> dict[str, str]:
        execution_id, ref = ask.place["id"], ask.place.get("ref", "")
        view = self._observer.execution(execution_id)
        given = msgspec.json.decode(ask.body, type=AskBody)
        where = self._observer.picture.instances[execution_id]
        undo, bare = ref.startswith("undo:"), ref.removeprefix("undo:")
        node = f"{where.scope}/{bare}" if where.scope and bare else bare
        step = f"undo:{node}" if undo else node
        root = self._observer.execution(where.root).workflow
        output, at = bytes(given.output), where.generation
        began = self._definition(where.root)
        if ask.verb == "terminate":
            await self._terminate(view, root, where.root, given)
        elif ask.verb == "signal":
            how, why = given.status, given.reason
            await self._requests.signal(
                root, where.root, step, output, how, reason=why, at=at, definition=began
            )
        else:
            before = self._told(view.id, ref)
            await self._requests.resolve(
                root,
                where.root,
                step,
                str(given.action),
                output,
                at=at,
                definition=began,
            )
            standing = await self._afterwards(view)
            _raise_refusal(ref, before, self._told(view.id, ref))
            return standing
        if ask.verb == "terminate":
            after = self._observer.execution(view.id)
            return {"status": after.status, "reason": after.reason}
        return await self._afterwards(view)

    def _definition(self, root: str) -> str:
        """By which an execution began; "" where its home has not told yet."""
        told = self._observer.picture.instances[root].told
        return told.note.definition if told is not None else ""

    def _told(self, execution_id: str, ref: str) -> tuple[Order, str]:
        """Where a step's role has told of it last, and the reason given there."""
        instance = self._observer.picture.instances[execution_id]
        stands = (told for each, told in newest(instance) if each == ref)
        return next(((told.order, told.note.reason) for told in stands), ((0, ""), ""))

    async def _terminate(
        self, view: ExecutionView, workflow: str, root: str, given: AskBody
    ) -> None:
        if view.ended_at:
            raise ConflictError(f"Execution {view.id} has ended: it is {view.status}.", "")
        if not given.undo:
            raise ConflictError(
                "A choreographed execution is cancelled with everything undone.",
                "Leave `undo=False` (--no-undo) out.",
            )
        began = self._definition(root)
        await self._requests.stop(workflow, root, given.reason, definition=began)
        standing = await self._afterwards(view)
        if standing["status"] == st.RUNNING:
            raise PastPivotError(
                f"Execution {view.id} is past its pivot: it cannot be cancelled any more.",
                "Let it end.",
            )

    async def _afterwards(self, before: ExecutionView) -> dict[str, str]:
        """How the execution stands once what was asked shows, or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SEEN_S):
                while self._observer.execution(before.id).updated_at == before.updated_at:
                    await self._observer.changed(before.id)
        view = self._observer.execution(before.id)
        return {"status": view.status, "reason": view.reason}


def _raise_refusal(ref: str, before: tuple[Order, str], after: tuple[Order, str]) -> None:
    """ConflictError where the role of a step has told since that it does not do what was asked."""
    if before[0] < after[0] and after[1].startswith(NOT_SETTLED):
        why, _, way_out = after[1].rpartition(". ")
        raise ConflictError(f"The step '{ref}' is {why}.", way_out)
