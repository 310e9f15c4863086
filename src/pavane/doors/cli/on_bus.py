"""Choreographed executions on a bus: shown from the journals, asked for by messages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pavane.doors.cli.place import LetterPage, Page
from pavane.doors.executions.asked import Start
from pavane.doors.wiring import Company, Wiring
from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.people import Questions
from pavane.engine.views.shapes import ExecutionView, MoveView
from pavane.errors import NotFoundError, UsageError
from pavane.participant.requests import no_priority, only_return
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.doors.executions.dead_letters import DeadLetters, Wanted
    from pavane.doors.executions.lag import Lag
    from pavane.observer.event_types import EventTypes
    from pavane.sdk.client import Run
    from pavane.sdk.given import GivenEvent

T = TypeVar("T")


class OnBus:
    """No server and no service is needed to look, or to ask; those who dance need not be there."""

    def __init__(self, wiring: Wiring, url: str) -> None:
        self._wiring = wiring
        self._url = url
        folder = url.removeprefix("embedded").removeprefix(":") or ".pavane"
        if url.startswith("embedded") and not Path(folder).is_dir():  # looking shall make nothing
            raise UsageError(
                f"There is no bus in {folder}.", "Run services there: `pavane run --bus`."
            )

    def execution(self, execution_id: str) -> ExecutionView:
        """As `Place.execution`."""
        from pavane.doors.executions.danced import seen

        async def look(company: Company) -> ExecutionView:
            self._ensure_told_of(execution_id, company)
            return seen(company, execution_id)

        return self._visit(look)

    def find(self, filters: Mapping[str, Any]) -> Page:
        """As `Place.find`."""
        limit = int(filters.get("limit") or 100)
        wanted = Search(
            workflow=filters.get("workflow", ""),
            statuses=tuple(filter(None, filters.get("status", "").split(","))),
            key=filters.get("key", ""),
            before=filters.get("before", ""),
            limit=limit,
        )

        async def look(company: Company) -> Page:
            found = company.observer.executions(wanted)
            return Page(found, found[-1].id if len(found) == limit else None)

        return self._visit(look)

    def start(self, start: Start) -> str:
        """As `Place.start`: its first message is on the bus."""
        return self._visit(lambda company: _begun(company, start))

    def ended(self, start: Start, told: Callable[[str], None]) -> ExecutionView:
        """Start one, tell its id, and wait for its end, or until it needs a person: its view."""

        async def ask(company: Company) -> ExecutionView:
            id = await _begun(company, start)
            told(id)
            return await company.observer.wait(id, _PATIENCE_S)

        return self._visit(ask)

    def act(self, execution_id: str, action: str, body: Mapping[str, Any], ref: str = "") -> str:
        """As `Place.act`."""
        from pavane.sdk.client import Client

        async def ask(company: Company) -> str:
            self._ensure_told_of(execution_id, company)
            client = Client.among(company.requests, company.observer, random.SystemRandom())
            return await _asked(client.execution(execution_id), action, body, ref)

        return self._visit(ask)

    def move(self, execution_id: str, version: int | None, *, dry_run: bool) -> MoveView:
        """As `Place.move`: always refused."""
        from pavane.doors.executions.danced import Danced

        return self._visit(lambda each: Danced(each).move(execution_id, version, dry_run=dry_run))

    def remove(self, execution_id: str) -> None:
        """As `Place.remove`: always refused."""
        from pavane.doors.executions.danced import Danced

        self._visit(lambda each: Danced(each).remove(execution_id))

    def letters(self, filters: Mapping[str, Any]) -> LetterPage:
        """As `Place.letters`."""
        from pavane.doors.executions.dead_letters import Wanted

        return self._visit(lambda each: _page(_letters(each), Wanted(**filters)))

    def letter(self, id: str) -> DeadLetter:
        """As `Place.letter`."""
        return self._visit(lambda each: _letters(each).get(id))

    def settle(self, id: str, action: Literal["redrive", "discard"], reason: str) -> DeadLetter:
        """As `Place.settle`: the ask is on the bus, and is answered if its owner runs."""

        async def ask(company: Company) -> DeadLetter:
            letters = _letters(company)
            return await (letters.redrive if action == "redrive" else letters.discard)(id, reason)

        return self._visit(ask)

    def questions(self, to: str, limit: int) -> Questions:
        """What waits for people, as the services on the bus told."""

        async def look(company: Company) -> Questions:
            return Questions(company.observer.views.questions(to, limit))

        return self._visit(look)

    def event_types(self, *, unheard: bool) -> EventTypes:
        """Who publishes which events, and who listens."""
        from pavane.doors.executions.event_types import event_types

        return self._visit(lambda each: event_types(each, unheard=unheard))

    def lag(self) -> Lag:
        """How many messages wait for whom."""
        from pavane.doors.executions.lag import lag_of

        return self._visit(lag_of)

    def publish(self, given: GivenEvent) -> str:
        """Put an event on the bus; its id."""
        from pavane.sdk.telling import tell

        return self._visit(lambda each: tell(given.event(), each.requests, each.chance))

    def _ensure_told_of(self, execution_id: str, company: Company) -> None:
        if not company.observer.views.knows(execution_id):
            raise NotFoundError(
                f"No service has told of an execution '{execution_id}' on {self._url}.",
                "`pavane list --bus URL` shows those that there are; one that was just started is "
                "there once the service of its first step runs.",
            )

    def _visit(self, work: Callable[[Company], Awaitable[T]]) -> T:
        async def visiting() -> T:
            async with self._wiring.visiting(self._url) as company:
                return await work(company)

        return asyncio.run(visiting())


async def _begun(company: Company, start: Start) -> str:
    if start.priority:
        raise no_priority()
    if start.if_exists != "return":
        raise only_return(start.if_exists)
    key = start.key or f"{random.SystemRandom().getrandbits(128):032x}"
    return await company.requests.start(start.workflow, start.input, key=key)


_PATIENCE_S = 7 * 86_400.0


def _letters(company: Company) -> DeadLetters:
    from pavane.doors.executions.danced import Danced
    from pavane.doors.executions.dead_letters import DeadLetters

    return DeadLetters(Danced(company), company)


async def _page(letters: DeadLetters, wanted: Wanted) -> LetterPage:
    return LetterPage(*await letters.find(wanted))


async def _asked(run: Run[Any], action: str, body: Mapping[str, Any], ref: str) -> str:
    match action:
        case "terminate":
            return await run.terminate(body["reason"], undo=body["undo"])
        case "signal":
            reason = body.get("reason", "")
            return await run.signal(ref, body.get("output"), body["status"], reason=reason)
        case "resolve":
            return await run.resolve(ref, body["action"], body.get("output"))
        case _:
            return await {"pause": run.pause, "resume": run.resume, "retry": run.retry}[action]()
