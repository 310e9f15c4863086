"""`python -m pavane` and the command `pavane`: the command line, given what it is wired to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from pavane.doors.cli.main import run

if TYPE_CHECKING:
    from pavane.bootstrap import Company
    from pavane.core.projection.choreography import Choreography
    from pavane.doors.wiring import CopiedTable
    from pavane.engine.engine import Engine
    from pavane.engine.keyring import Keyring
    from pavane.ports.store import Store
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.remote.workers import RemoteWorkers
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


class _Bootstrap:
    """`bootstrap`, imported when it is first needed, so that `pavane --help` stays fast."""

    def open_store(self, url: str, *, read_only: bool = False) -> Store:
        from pavane.bootstrap import open_store

        return open_store(url, read_only=read_only)

    def keyring_in(
        self, store_url: str, *, read_only: bool = False
    ) -> AbstractAsyncContextManager[Keyring]:
        from pavane.bootstrap import keyring_in

        return keyring_in(store_url, read_only=read_only)

    async def keyring_of(self, store: Store) -> Keyring:
        from pavane.bootstrap import keyring_of

        return await keyring_of(store)

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
        from pavane.bootstrap import running_engine

        return running_engine(
            store_url,
            services=services,
            workflows=workflows,
            lease_s=lease_s,
            calls=calls,
            ledger=ledger,
            retention_s=retention_s,
            schedules=schedules,
            forget_after_s=forget_after_s,
        )

    def conducting(
        self,
        store_url: str,
        bus_url: str,
        *,
        lease_s: float | None = None,
        forget_after_s: float = 0.0,
    ) -> AbstractAsyncContextManager[tuple[Engine, Company]]:
        from pavane.bootstrap import conducting

        return conducting(store_url, bus_url, lease_s=lease_s, forget_after_s=forget_after_s)

    def mixed_workers(
        self,
        server: str,
        bus_url: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]],
        overwrite: bool = False,
        api_key: str | None = None,
        on_wait: Callable[[str], None] = lambda _why: None,
        ledger: str = "",
        lease_s: float = 5.0,
        retention_s: float = 14 * 86_400.0,
        queued: bool = False,
    ) -> AbstractAsyncContextManager[RemoteWorkers | QueuedWorkers]:
        from pavane.bootstrap import mixed_workers

        return mixed_workers(
            server,
            bus_url,
            services=services,
            workflows=workflows,
            overwrite=overwrite,
            api_key=api_key,
            on_wait=on_wait,
            ledger=ledger,
            lease_s=lease_s,
            retention_s=retention_s,
            queued=queued,
        )

    def queued_services(
        self,
        bus_url: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]] = (),
        overwrite: bool = False,
        server: str = "",
        api_key: str | None = None,
        on_wait: Callable[[str], None] = lambda _why: None,
        ledger: str = "",
        retention_s: float = 14 * 86_400.0,
    ) -> AbstractAsyncContextManager[QueuedWorkers]:
        from pavane.bootstrap import queued_services

        return queued_services(
            bus_url,
            services=services,
            workflows=workflows,
            overwrite=overwrite,
            server=server,
            api_key=api_key,
            on_wait=on_wait,
            ledger=ledger,
            retention_s=retention_s,
        )

    def remote_services(
        self,
        server: str,
        *,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]] = (),
        overwrite: bool = False,
        api_key: str | None = None,
        on_wait: Callable[[str], None] = lambda _why: None,
        ledger: str = "",
        retention_s: float = 14 * 86_400.0,
    ) -> AbstractAsyncContextManager[RemoteWorkers]:
        from pavane.bootstrap import remote_services

        return remote_services(
            server,
            services=services,
            workflows=workflows,
            overwrite=overwrite,
            api_key=api_key,
            on_wait=on_wait,
            ledger=ledger,
            retention_s=retention_s,
        )

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
        from pavane.bootstrap import dancing_services

        return dancing_services(
            bus_url,
            services=services,
            workflows=workflows,
            ledger=ledger,
            lease_s=lease_s,
            retention_s=retention_s,
            watched=watched,
        )

    def visiting(self, bus_url: str) -> AbstractAsyncContextManager[Company]:
        from pavane.bootstrap.choreographed import visiting

        return visiting(bus_url)

    def mixed_services(
        self,
        store_url: str,
        bus_url: str,
        services: Sequence[Service],
        workflows: Sequence[WorkflowFunction[..., object]],
    ) -> AbstractAsyncContextManager[tuple[Engine, Company]]:
        from pavane.bootstrap import mixed_services

        return mixed_services(store_url, bus_url, services=services, workflows=workflows)

    async def copy_rows(
        self,
        source: str,
        target: str,
        *,
        service: str = "",
        leave: bool = False,
        tell: Callable[[str, int, int], None] = lambda _table, _done, _rows: None,
    ) -> tuple[str, str, Sequence[CopiedTable]]:
        from pavane.bootstrap import copy_rows

        return await copy_rows(source, target, service=service, leave=leave, tell=tell)

    def choreographies(
        self, services: Sequence[Service], workflows: Sequence[WorkflowFunction[..., object]]
    ) -> dict[str, Choreography]:
        from pavane.bootstrap import choreographies_of

        return choreographies_of(services, workflows)


def main() -> None:
    """Run the command line on this process's arguments and exit with its code."""
    sys.exit(run(_Bootstrap()))


if __name__ == "__main__":
    main()
