"""What the command line needs from above: stores and engines, built where adapters are known."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.ports.store import Store
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


class Wiring(Protocol):
    """`bootstrap`, as doors see it. Nothing is imported before it is asked for."""

    def open_store(self, url: str, *, read_only: bool = False) -> Store:
        """The store behind a URL, not yet opened. UsageError for a URL that nobody knows."""
        ...

    def running_engine(
        self,
        store_url: str,
        *,
        services: Sequence[Service] = (),
        workflows: Sequence[WorkflowFunction[..., object]] = (),
    ) -> AbstractAsyncContextManager[Engine]:
        """An engine on that store with workers for the services, stopped gracefully on leaving."""
        ...
