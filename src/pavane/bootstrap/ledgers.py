"""Ledgers of services that carry out tasks: opened, with the service's own tables, and closed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pavane.bootstrap.opening import BUS_FOLDER, POSTGRES, open_ledger
from pavane.errors import UsageError

if TYPE_CHECKING:
    from pavane.ports.ledger import Ledger
    from pavane.ports.results import Results
    from pavane.sdk.service import Service


@asynccontextmanager
async def opened(service: Service, ledger: Ledger) -> AsyncGenerator[Results]:
    """A service's ledger, open and with the tables of its schema; what it remembers of tasks.

    StoreError when it cannot be opened, DefinitionError when the schema does not fit it.
    """
    await ledger.open()
    try:
        if service.schema:
            await ledger.results.create(service.schema)
        yield ledger.results
    finally:
        await ledger.close()


@asynccontextmanager
async def ledgers_of_tasks(
    services: Sequence[Service], url: str, *, in_memory: bool = False
) -> AsyncGenerator[dict[str, Results]]:
    """What the services remember of tasks, by their names, for those that need a ledger for it.

    Those are the ones that ask for their database; where a URL names a ledger, the one service
    there is. Without a URL it is `NAME.db` in the folder `.pavane`, or in memory.
    """
    need_no_postgres(services, url, results=True)
    needing = [each for each in services if each.has_database]
    if url and not needing:
        needing = list(services)
    if url and len(needing) > 1:
        names = ", ".join(each.name for each in needing)
        raise UsageError(
            f"The ledger {url!r} is for one service, and {names} need one.",
            "Run each service with its own --ledger, or leave it out.",
        )
    found: dict[str, Results] = {}
    async with AsyncExitStack() as stack:
        for service in needing:
            ledger = open_ledger(url or _default(service, in_memory), service=service.name)
            found[service.name] = await stack.enter_async_context(opened(service, ledger))
        yield found


def need_no_postgres(services: Sequence[Service], url: str, *, results: bool = False) -> None:
    """UsageError where functions ask for their database, or `results` are to be kept, there."""
    asking = [each.name for each in services if each.has_database]
    if not url.startswith(POSTGRES) or not (asking or results):
        return
    why = "with a conductor that is all that a ledger is for"
    if asking:
        why = f"functions of {', '.join(asking)} ask for their database"
    raise UsageError(
        f"A ledger in PostgreSQL keeps no results and lends no transactions yet, and {why}.",
        "Use --ledger sqlite:///path.db, or leave it out.",
    )


def _default(service: Service, in_memory: bool) -> str:
    if in_memory:
        return "memory:"
    Path(BUS_FOLDER).mkdir(exist_ok=True)
    return f"sqlite:///{BUS_FOLDER}/{service.name}.db"
