"""Ledgers of services that carry out tasks: opened, with the service's own tables, and closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pavane.bootstrap.beside import going_on
from pavane.bootstrap.opening import BUS_FOLDER, POSTGRES, open_results
from pavane.errors import PavaneError, UsageError
from pavane.participant.retention import pause_s

if TYPE_CHECKING:
    from pavane.ports.clock import Clock
    from pavane.ports.results import HasResults, Results
    from pavane.sdk.service import Service

_LOG = logging.getLogger("pavane")


@asynccontextmanager
async def opened(service: Service, ledger: HasResults) -> AsyncGenerator[Results]:
    """A service's ledger, open and with the tables of its schema; what it remembers of tasks.

    UsageError where a function asks for what this ledger cannot lend, StoreError when it cannot be
    opened, DefinitionError when the schema does not fit it.
    """
    ledger.results.ensure_lends(service.asks)
    await ledger.open()
    try:
        if service.schema:
            await ledger.results.create(service.schema)
        yield ledger.results
    finally:
        await ledger.close()


@asynccontextmanager
async def ledgers_of_tasks(
    services: Sequence[Service],
    url: str,
    clock: Clock,
    retention_s: float,
    *,
    in_memory: bool = False,
) -> AsyncGenerator[dict[str, Results]]:
    """What the services remember of tasks, by their names, for those that need a ledger for it.

    Those are the ones that ask for their database; where a URL names a ledger, the one service
    there is, and in PostgreSQL all, each in a schema of its own that several processes may share.
    Without a URL it is `NAME.db` in the folder `.pavane`, or in memory. Beside, what is older than
    `retention_s` is forgotten (0: nothing; nor in memory).
    """
    needing = [each for each in services if each.has_database]
    if url and not needing:
        needing = list(services)
    many = url.startswith(POSTGRES) and "schema=" not in url
    if url and not many and len(needing) > 1:
        names = ", ".join(each.name for each in needing)
        raise UsageError(
            f"The ledger {url!r} is for one service, and {names} need one.",
            "Run each service with its own --ledger, or give one in PostgreSQL without a schema.",
        )
    found: dict[str, Results] = {}
    async with AsyncExitStack() as stack:
        for service in needing:
            ledger = open_results(url or _default(service, in_memory), service.name)
            results = await stack.enter_async_context(opened(service, ledger))
            found[service.name] = results
            if retention_s and not in_memory:
                forgetting = _forget(results, service.name, clock, int(retention_s * 1000))
                await stack.enter_async_context(going_on(forgetting))
        yield found


async def _forget(results: Results, service: str, clock: Clock, keep_ms: int) -> None:
    """What is too old goes, now and then, for ever; of several processes each takes a part.

    Never at once: what comes again at a start comes first.
    """
    while True:
        await asyncio.sleep(pause_s(keep_ms))
        try:
            await results.prune_results(clock.now() - keep_ms)
        except PavaneError as error:
            _LOG.warning("%s cannot forget results now: %s", service, error)


def need_one_each(services: Sequence[Service], url: str) -> None:
    """UsageError where services that dance would share one ledger."""
    if url.startswith("sqlite:") and len(services) > 1:
        raise UsageError(
            f"The ledger {url!r} is for one service, and there are {len(services)}.",
            "Run each service with its own --ledger, or leave it out.",
        )


def _default(service: Service, in_memory: bool) -> str:
    if in_memory:
        return "memory:"
    Path(BUS_FOLDER).mkdir(exist_ok=True)
    return f"sqlite:///{BUS_FOLDER}/{service.name}.db"
