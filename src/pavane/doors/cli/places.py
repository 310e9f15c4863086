"""Where executions are, for the commands: behind a server, or in a store opened here."""

from __future__ import annotations

from pavane.doors.cli.place import Place
from pavane.doors.wiring import Wiring


def place(wiring: Wiring, server: str | None, store_url: str | None) -> Place:
    """The server where one is named, else the store."""
    if server:
        from pavane.doors.cli.remote import Remote

        return Remote(server)
    from pavane.doors.cli.local import Local

    assert store_url is not None
    return Local(wiring, store_url)
