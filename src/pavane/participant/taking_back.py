"""A person's word about what a service has set aside: it is taken up again, or given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pavane.core.model.journal import AsideNote
from pavane.core.projection.choreography import Choreography
from pavane.errors import ConflictError, NotFoundError, StoreError
from pavane.participant.giving_up import lost_with
from pavane.participant.outside import Outside
from pavane.participant.roles.item import Item
from pavane.participant.set_aside import SetAside
from pavane.participant.settling import Settle
from pavane.ports.ledger import Aside

_LOG = logging.getLogger("pavane.participant")

_PAUSE_S = 1.0  # after trouble with the ledger

TakeUp = Callable[[Aside, AsideNote], "asyncio.Future[Any]"]


class TakingBack:
    """Settles what is set aside, whoever has set it aside.

    `take_up` gives it to the roles, `submit` puts something before them; `known` are the
    definitions that they play.
    """

    def __init__(
        self,
        aside: SetAside,
        outside: Outside,
        take_up: TakeUp,
        submit: Callable[[Item], None],
        known: Mapping[str, Choreography],
    ) -> None:
        self._aside = aside
        self._outside = outside
        self._take_up = take_up
        self._submit = submit
        self._known = known

    async def settle(self, settle: Settle) -> None:
        """Do what is asked, unless it was done, or the message was set aside anew since."""
        while True:
            try:
                aside = await self._aside.find(settle.id)
                if aside.at != settle.since:
                    _LOG.info("%s was set aside anew since it was asked for", settle.id)
                elif settle.action == "redrive":
                    await self.redrive(aside, settle.reason)
                else:
                    await self._discard_or_say(aside, settle.reason)
                return
            except NotFoundError:
                _LOG.info("%s is settled already", settle.id)
                return
            except StoreError as error:
                _LOG.warning("the ledger has trouble: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def redrive(self, aside: Aside, reason: str) -> None:
        """As if it came now."""
        if not await self._outside.redrive(aside, reason):
            await self._take_up(aside, self._aside.left(aside, "redriven", reason))

    async def discard(self, aside: Aside, reason: str) -> None:
        """It never comes. A step whose token it is fails in the transaction that takes it away.

        ConflictError where its execution could not end without it.
        """
        if await self._outside.discard(aside, reason):
            return
        loss = lost_with(aside.event, self._known)
        if loss is None:
            await self._aside.drop(aside, reason)
            return
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        note = self._aside.left(aside, "discarded", reason)
        item = Item(*loss, taken=(aside.id,), notes=(note,), answer=answer)
        self._submit(item)
        await answer

    async def _discard_or_say(self, aside: Aside, reason: str) -> None:
        try:
            await self.discard(aside, reason)
        except ConflictError as error:
            await self._aside.keep(aside, str(error))
