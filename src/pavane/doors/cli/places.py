"""Where executions are, for the commands: behind a server, or in a store opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pavane.doors.cli.options import PLACE_API_KEY, PLACE_BUS
from pavane.doors.cli.place import Place
from pavane.doors.wiring import Wiring

if TYPE_CHECKING:
    from pavane.doors.cli.remote import Remote


def bus_url() -> str | None:
    """The bus that `--bus` names."""
    context = click.get_current_context(silent=True)
    return context.meta.get(PLACE_BUS) if context else None


def api_key() -> str | None:
    """The key that `--api-key` or PAVANE_API_KEY gives."""
    context = click.get_current_context(silent=True)
    return context.meta.get(PLACE_API_KEY) if context else None


def remote(server: str) -> Remote:
    """A server, asked with the key that the command was given."""
    from pavane.doors.cli.remote import Remote

    return Remote(server, api_key())


def place(wiring: Wiring, server: str | None, store_url: str | None) -> Place:
    """The server where one is named, the bus where one is, else the store."""
    if server:
        return remote(server)
    if bus := bus_url():
        from pavane.doors.cli.on_bus import OnBus

        return OnBus(wiring, bus)
    from pavane.doors.cli.local import Local

    assert store_url is not None
    return Local(wiring, store_url)
