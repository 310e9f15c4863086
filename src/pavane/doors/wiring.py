"""What the command line needs from above: stores and engines, built where adapters are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pavane.core.projection.choreography import Choreography
    from pavane.engine.engine import Engine
    from pavane.engine.keyring import Keyring
    from pavane.observer.observer import Observer
    from pavane.participant.participant import Participant
    from pavane.participant.requests import Requests
    from pavane.ports.bus import Bus
    from pavane.ports.clock import Chance, Clock
    from pavane.ports.store import Store
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.remote.workers import RemoteWorkers
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


class Company(Protocol):
    """Services that dance in this process, as doors see them."""

    @property
    def requests(self) -> Requests: ...
    @property
    def observer(self) -> Observer: ...
    @property
    def bus(self) -> Bus: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def chance(self) -> Chance: ...
    @property
    def participants(self) -> dict[str, Participant]: ...
    @property
    def choreographies(self) -> dict[str, Choreography]: ...


class CopiedTable(Protocol):
    """A table that is the same in two places."""

    @property
    def table(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def fitted(self) -> int: ...


class Wiring(Protocol):
    """`bootstrap`, as doors see it. Nothing is imported before it is asked for."""

    def open_store(self, url: str, *, read_only: bool = False) -> Store:
        """The store behind a URL, not yet opened. UsageError for a URL that nobody knows."""
        ...

    def keyring_in(
        self, store_url: str, *, read_only: bool = False
    ) -> AbstractAsyncContextManager[Keyring]:
        """The keys of a store that nobody else has open; `read_only` also beside a server."""
        ...

    async def keyring_of(self, store: Store) -> Keyring:
        """The keys of a store that is open, read."""
        ...

    def running_engine(
        self,
        store_url: str,
        *,
        services: Sequence[Service] = (),
        workflows: Sequence[WorkflowFunction[..., object]] = (),
        lease_s: float | None = None,
        calls: bool = False,
        ledger: str = "",
        retention_s: float = 14 * 86_400.0,
        schedules: bool = True,
        forget_after_s: float = 0.0,
    ) -> AbstractAsyncContextManager[Engine]:
        """An engine on that store with workers for the services, stopped gracefully on leaving.

        `schedules`: workflows start at their times. `lease_s`: for how long a worker of another
        process may be silent. `calls`: services with a url are called from here, even where none is
        given. `ledger`: of the service that asks for its database, if not `.pavane/NAME.db`.
        `forget_after_s`: what ended so long ago is forgotten; 0: nothing is.
        """
        ...

    def conducting(
        self,
        store_url: str,
        bus_url: str,
        *,
        lease_s: float | None = None,
        forget_after_s: float = 0.0,
    ) -> AbstractAsyncContextManager[tuple[Engine, Company]]:
        """A conductor on a bus, for services in other processes."""
        ...

    def mixed_workers(
        self,
        server: str,
        bus_url: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]],
        overwrite: bool = False,
        api_key: str | None = None,
        on_wait: Callable[[str], None] = ...,
        ledger: str = "",
        lease_s: float = 5.0,
        retention_s: float = 14 * 86_400.0,
        queued: bool = False,
    ) -> AbstractAsyncContextManager[RemoteWorkers | QueuedWorkers]:
        """Services that work for a server, and dance the scopes that need no conductor.

        `queued`: their tasks come over the bus; then the server's URL may be "".
        """
        ...

    def queued_services(
        self,
        bus_url: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]] = (),
        overwrite: bool = False,
        server: str = "",
        api_key: str | None = None,
        on_wait: Callable[[str], None] = ...,
        ledger: str = "",
        retention_s: float = 14 * 86_400.0,
    ) -> AbstractAsyncContextManager[QueuedWorkers]:
        """Services whose tasks come over a bus from whichever server is on it."""
        ...

    def remote_services(
        self,
        server: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]] = (),
        overwrite: bool = False,
        api_key: str | None = None,
        on_wait: Callable[[str], None] = ...,
        ledger: str = "",
        retention_s: float = 14 * 86_400.0,
    ) -> AbstractAsyncContextManager[RemoteWorkers]:
        """Services whose engine is a server; stopped on leaving."""
        ...

    def dancing_services(
        self,
        bus_url: str,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]],
        *,
        ledger: str = "",
        lease_s: float = 5.0,
        retention_s: float = 14 * 86_400.0,
        watched: bool = True,
    ) -> AbstractAsyncContextManager[Company]:
        """Services that carry out the workflows with no conductor; stopped on leaving.

        `watched`: the company's observer follows what becomes of executions, all there are.
        """
        ...

    def visiting(self, bus_url: str) -> AbstractAsyncContextManager[Company]:
        """All that a bus has, and nobody who dances here."""
        ...

    def mixed_services(
        self,
        store_url: str,
        bus_url: str,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]],
    ) -> AbstractAsyncContextManager[tuple[Engine, Company]]:
        """A conductor and dancers; each scope in its own style."""
        ...

    async def copy_rows(
        self,
        source: str,
        target: str,
        *,
        service: str = "",
        leave: bool = False,
        tell: Callable[[str, int, int], None] = ...,
    ) -> tuple[str, str, Sequence[CopiedTable]]:
        """A store or a ledger copied whole: which of them, where it is now, and its tables.

        `tell` hears of progress: a table, its rows so far and all its rows.
        """
        ...

    def choreographies(
        self, services: Sequence[Service], workflows: Sequence[WorkflowFunction[..., object]]
    ) -> dict[str, Choreography]:
        """The workflows as dancers would play them, by name. DefinitionError where they cannot."""
        ...
