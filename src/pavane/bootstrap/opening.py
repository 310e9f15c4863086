"""From URLs to stores, buses and ledgers, each imported when it is first asked for."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pavane.errors import NotInstalledError, UsageError

if TYPE_CHECKING:
    from pavane.ports.bus import Bus
    from pavane.ports.caller import Caller
    from pavane.ports.clock import Chance
    from pavane.ports.ledger import Ledger
    from pavane.ports.results import HasResults
    from pavane.ports.store import Store


BUS_FOLDER: Final = ".pavane"
POSTGRES: Final = ("postgresql://", "postgres://")
LEASE_S: Final = 5.0
"""A process that gives no sign of life for so long is put out by one that stands by. Longer than an

event loop is ever kept busy, shorter than people wait.
"""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


RETENTION_S: Final = 14 * 86_400.0
"""How long a dancing service remembers what is over: so long a message may come again, a dead

letter may be taken up and an execution be undone.
"""


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store behind a URL, not yet opened. UsageError, NotInstalledError.

    `sqlite:///path.db`, `postgresql://USER@HOST:PORT/DATABASE` or `memory:`.
    """
    if url == "memory:":
        from pavane.adapters.memory.store import MemoryStore

        return MemoryStore()
    if url.startswith("sqlite:///"):
        from pavane.adapters.sqlite.store import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"), read_only=read_only)
    if url.startswith(POSTGRES):
        try:
            from pavane.adapters.postgres.store import PostgresStore
        except ModuleNotFoundError as error:
            raise not_installed(error, "postgres") from error
        return PostgresStore(url, read_only=read_only)
    raise UsageError(f"{url!r} is no store.", "Use sqlite:///path.db, postgresql://… or memory:.")


def not_installed(error: ModuleNotFoundError, extra: str) -> NotInstalledError:
    """What to type where a package is missing that only some need."""
    return NotInstalledError(
        f"The package {error.name} is not installed.", f"Type: pip install 'pavane[{extra}]'."
    )


def open_bus(url: str) -> Bus:
    """The bus behind a URL, not yet opened: `embedded:FOLDER`, `kafka://…`, `amqp://…`, `memory:`.

    UsageError; NotInstalledError where it needs a package that is not here.
    """
    if url == "memory:":
        from pavane.adapters.memory.bus import MemoryBus

        return MemoryBus()
    if url == "embedded" or url.startswith("embedded:"):
        from pavane.adapters.embedded.bus import EmbeddedBus

        return EmbeddedBus(url.removeprefix("embedded").removeprefix(":") or BUS_FOLDER)
    if url.startswith("kafka:"):
        try:
            from pavane.adapters.kafka.bus import KafkaBus
        except ModuleNotFoundError as error:
            raise not_installed(error, "kafka") from error
        return KafkaBus(url)
    if url.startswith(("amqp:", "amqps:")):
        try:
            from pavane.adapters.rabbitmq.bus import RabbitBus
        except ModuleNotFoundError as error:
            raise not_installed(error, "rabbitmq") from error
        return RabbitBus(url)
    scheme = url.partition(":")[0]  # what follows may hold a password
    raise UsageError(
        f"The bus '{scheme}:' is not built yet.",
        "Use embedded:FOLDER, kafka://HOST:PORT, amqp://HOST:PORT or memory:.",
    )


def open_ledger(url: str, *, lease_s: float = LEASE_S, service: str = "") -> Ledger:
    """The ledger behind a URL, not yet opened. UsageError, NotInstalledError.

    `sqlite:///path.db`, `postgresql://USER@HOST:PORT/DATABASE` or `memory:`. In PostgreSQL each
    service has a schema of its own, unless the URL names one.
    """
    if url == "memory:":
        from pavane.adapters.memory.ledger import MemoryLedger

        return MemoryLedger()
    if url.startswith("sqlite:///"):
        from pavane.adapters.sqlite.ledger import SqliteLedger

        return SqliteLedger(url.removeprefix("sqlite:///"), lease_s=lease_s)
    if url.startswith(POSTGRES):
        try:
            from pavane.adapters.postgres.ledger import PostgresLedger
            from pavane.adapters.postgres.place import schema_of
        except ModuleNotFoundError as error:
            raise not_installed(error, "postgres") from error
        return PostgresLedger(url, schema=schema_of(service), lease_s=lease_s)
    raise UsageError(
        f"The ledger {url!r} is not built yet.", "Use sqlite:///path.db, postgresql://… or memory:."
    )


def open_results(url: str, service: str) -> HasResults:
    """As `open_ledger`, for a service that keeps nothing but results there.

    In PostgreSQL several of its processes may have it open at once.
    """
    if not url.startswith(POSTGRES):
        return open_ledger(url, service=service)
    try:
        from pavane.adapters.postgres.place import schema_of
        from pavane.adapters.postgres.shared import SharedResults
    except ModuleNotFoundError as error:
        raise not_installed(error, "postgres") from error
    return SharedResults(url, schema=schema_of(service))


def ledger_beside(store: str, name: str, *, lease_s: float = LEASE_S) -> Ledger:
    """A ledger in the database of a PostgreSQL store, in a schema that is named after the store's.

    UsageError, NotInstalledError.
    """
    try:
        from pavane.adapters.postgres.ledger import PostgresLedger
        from pavane.adapters.postgres.place import beside
    except ModuleNotFoundError as error:
        raise not_installed(error, "postgres") from error
    return PostgresLedger(beside(store, name), lease_s=lease_s)


def ledger_of(service: str, url: str, bus: Bus, *, lease_s: float = LEASE_S) -> Ledger:
    """A service's ledger behind a URL; without one, where the bus would have it.

    That is `SERVICE.db` in the folder of an embedded bus, which reads it there; the same in
    `.pavane` for a bus that is elsewhere and outlives its processes; else memory.
    """
    from pavane.ports.bus import KeepingBus

    if not url and isinstance(bus, KeepingBus):
        from pavane.adapters.embedded.bus import EmbeddedBus
        from pavane.adapters.embedded.folder import Folder
        from pavane.adapters.sqlite.ledger import SqliteLedger

        if isinstance(bus, EmbeddedBus):
            return SqliteLedger(bus.folder.log(service), lease_s=lease_s)
        folder = Folder(Path(BUS_FOLDER))
        folder.path.mkdir(parents=True, exist_ok=True)
        return SqliteLedger(folder.log(service), lease_s=lease_s)
    return open_ledger(url or "memory:", lease_s=lease_s, service=service)


def open_caller(allowed: Sequence[str] | None = None) -> Caller:
    """A caller of services; `allowed` are destinations beside the usual ones. UsageError.

    By default they are those that PAVANE_ALLOW_CALLS_TO names, with blanks or commas between them.
    """
    from pavane.adapters.http.caller import HttpCaller
    from pavane.adapters.http.destinations import Destinations

    if allowed is None:
        allowed = os.environ.get("PAVANE_ALLOW_CALLS_TO", "").replace(",", " ").split()
    return HttpCaller(Destinations(allowed))


def chance() -> Chance:
    """The machine's own randomness, for ids."""
    return random.SystemRandom()
