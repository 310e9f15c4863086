"""Dead letters of every style in one list, each settled where it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import structs

from pavane.doors.executions.asked import Action
from pavane.engine.views import dead_letters as views
from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView
from pavane.errors import ConflictError, NotFoundError
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.participant.settling import Action as Settling

_PAGES_MOST = 20  # of executions that are looked through for one page
_SEEN_S = 3.0  # how long the owner may take to answer


class Executions(Protocol):
    """The part of `asked.Executions` that is needed."""

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]: ...
    async def execution(self, execution_id: str) -> ExecutionView: ...
    async def act(self, execution_id: str, action: Action) -> None: ...


class Wanted(NamedTuple):
    """Which letters; empty fields do not filter. `before` is the id at which a page ended."""

    kind: str = ""
    service: str = ""
    execution: str = ""
    type: str = ""
    before: str = ""
    limit: int = 100


class DeadLetters:
    """Messages that services have set aside, then executions; of each the newest first."""

    def __init__(self, executions: Executions, company: Company | None) -> None:
        self._executions = executions
        self._company = company

    async def find(self, wanted: Wanted) -> tuple[list[DeadLetter], str | None]:
        """A page, and the `before` of the following one (None: this is the last).

        The letters of one execution are never parted, so a page may have a few more.
        """
        found: list[DeadLetter] = []
        if not views.execution_of(wanted.before):
            found = [each for each in self._messages(wanted.before) if fits(each, wanted)]
            if len(found) > wanted.limit:
                page = found[: wanted.limit]
                return page, page[-1].id
        if wanted.kind and wanted.kind not in views.OF_EXECUTIONS:
            return found, None
        before = (views.execution_of(wanted.before) or ("",))[0]
        for _ in range(_PAGES_MOST):
            if len(found) >= wanted.limit:
                return found, found[-1].id
            search = Search(statuses=views.STOPPED, before=before, limit=wanted.limit)
            page = await self._executions.executions(search)
            for each in page:
                before = each.id
                view = await self._executions.execution(each.id)
                found += [letter for letter in views.letters_of(view) if fits(letter, wanted)]
                if len(found) >= wanted.limit:
                    return found, f"{before}@"
            if len(page) < wanted.limit:
                return found, None
        return found, f"{before}@"  # of many executions nothing fits: go on from there

    async def get(self, id: str) -> DeadLetter:
        """One, also a message that was settled lately. NotFoundError."""
        if (place := views.execution_of(id)) is not None:
            view = await self._executions.execution(place[0])
            for each in views.letters_of(view):
                if each.id == id:
                    return each
        elif self._company is not None:
            from pavane.observer.stops import letter

            stop = self._company.observer.picture.stops.find(id)
            if stop is not None:
                return letter(stop)
        raise NotFoundError(
            f"There is no dead letter '{id}'.",
            "It may be settled; `pavane dead-letters list` shows those that stand.",
        )

    async def redrive(self, id: str, reason: str = "") -> DeadLetter:
        """Have it tried again: a message by its service, an execution as `retry` does."""
        found = await self.get(id)
        if found.kind == "failed":
            await self._executions.act(found.execution, Action("retry"))
        elif found.kind == "attention":
            action = Action("resolve", found.step, choice="retry")
            await self._executions.act(found.execution, action)
        else:
            return await self._settle(found, "redrive", reason)
        return structs.replace(found, state="redriven", settle=[])

    async def discard(self, id: str, reason: str) -> DeadLetter:
        """Give up a message; its service records that and why."""
        found = await self.get(id)
        if found.kind in views.OF_EXECUTIONS:
            remedy = f"{found.settle[0]} settles it." if found.settle else ""
            if found.kind == "failed":
                remedy = "It has ended and waits for nobody: leave it, or try it again."
            raise ConflictError(f"'{id}' is an execution, and only messages are discarded.", remedy)
        now = await self._settle(found, "discard", reason)
        if now.state == "standing":
            raise ConflictError(
                f"The message {found.message} was not given up: {now.reason}.", "Redrive it."
            )
        return now

    async def _settle(self, found: DeadLetter, action: Settling, reason: str) -> DeadLetter:
        from pavane.participant.giving_up import ensure_may_go, kind_of
        from pavane.participant.settling import Settle, ask_to_settle

        assert self._company is not None
        stop = self._company.observer.picture.stops.find(found.id)
        if stop is None or not stop.stands:
            raise ConflictError(
                f"The dead letter '{found.id}' is {found.state} already.",
                "`pavane dead-letters list` shows those that stand.",
            )
        if not stop.note.since or (stop.note.status == "parked" and found.handler):
            raise ConflictError(
                f"The message {found.message} {found.reason}.", "Settle the one before it."
            )
        kind = kind_of(stop.note.type)
        if action == "discard" and kind and stop.note.status != "quarantined":
            ensure_may_go(kind, stop.note.execution, playable=stop.note.status != "parked")
        settle = Settle(action, stop.note.id, stop.note.since, reason)
        await ask_to_settle(self._company.bus, self._company.clock, found.service, settle)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEEN_S):
                while self._stands_since(found.id) == stop.note.since:
                    await self._company.observer.changed(found.id)
        if self._stands_since(found.id) == stop.note.since:
            return structs.replace(found, state="asked")
        now = await self.get(found.id)
        if now.state == "standing" and action == "redrive":
            # It has failed again meanwhile: that is another time.
            return structs.replace(now, state="redriven")
        return now

    def _stands_since(self, id: str) -> int:
        assert self._company is not None
        stop = self._company.observer.picture.stops.find(id)
        return stop.note.since if stop is not None and stop.stands else 0

    def _messages(self, before: str) -> list[DeadLetter]:
        if self._company is None:
            return []
        all_of_them = self._company.observer.picture.stops.letters()
        places = [n for n, each in enumerate(all_of_them) if each.id == before]
        return all_of_them[places[0] + 1 :] if places else all_of_them


def fits(letter: DeadLetter, wanted: Wanted) -> bool:
    """Whether it is one of those that are wanted."""
    return (
        wanted.kind in ("", letter.kind)
        and wanted.service in ("", letter.service)
        and wanted.execution in ("", letter.execution, letter.correlation)
        and wanted.type in ("", letter.type)
    )
