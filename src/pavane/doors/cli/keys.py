"""`pavane keys`: who may come in at a server's door."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import click

from pavane.core.model.access import ROLES, Role, reach
from pavane.doors.cli.options import json_option, server_option, store_option
from pavane.doors.wiring import Wiring
from pavane.errors import StoreBusyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pavane.engine.keyring import Keyring
    from pavane.engine.views.keys import KeyView, NewKey

T = TypeVar("T")

_server = server_option("Those of this server, which wants a key that administers.")


@click.group()
def command() -> None:
    """Make, list and revoke keys, in a store that no server uses, or with --server in a server's.

    A server asks for keys beyond this machine, or with --auth required.
    """


@command.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(ROLES),
    help="What it may do; may be given several times.",
)
@click.option("--expires", metavar="DURATION", help="How long it is good, 90d for instance.")
@json_option
@store_option()
@_server
@click.pass_obj
def add(
    wiring: Wiring,
    *,
    name: str,
    roles: tuple[str, ...],
    expires: str | None,
    as_json: bool,
    server: str | None,
    store_url: str,
) -> None:
    """Make a key called NAME and print it: this once, it is kept nowhere.

    read: look. work: take tasks and report on them. operate: start, signal, cancel and so on, and
    read. define: register workflows and tasks, and read. administer: keys, and all of the above.
    """
    import msgspec

    from pavane.doors.cli.places import remote
    from pavane.engine.views.keys import made

    wanted = cast("tuple[Role, ...]", roles)
    expires_at = _until(expires)
    if server:
        new = remote(server).add_key(name, wanted, expires_at)
    else:

        async def adding(keyring: Keyring) -> NewKey:
            return made(*await keyring.add(name, wanted, expires_at=expires_at))

        new = _change(wiring, store_url, adding)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(new), indent=2))
        return
    click.echo(new.key)
    may = ", ".join(role for role in ROLES if role in reach(new.roles))
    click.echo(f"Key '{new.name}' ({new.id}) may {may}. It is not shown again.", err=True)


@command.command("list")
@json_option
@store_option()
@_server
@click.pass_obj
def list_(wiring: Wiring, *, as_json: bool, server: str | None, store_url: str) -> None:
    """List the keys, without their secrets; a server says how often each one came, too."""
    import msgspec

    from pavane.doors.cli.places import remote
    from pavane.engine.views.keys import KeyList

    found = remote(server).keys() if server else KeyList(_look(wiring, store_url))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    click.echo("\n".join(_lines(found.keys, used=server is not None)))


@command.command()
@click.argument("wanted", metavar="NAME|ID")
@store_option()
@_server
@click.pass_obj
def revoke(wiring: Wiring, *, wanted: str, server: str | None, store_url: str) -> None:
    """Take away a key: it opens nothing any more. A server forgets it at once."""
    from pavane.doors.cli.places import remote
    from pavane.engine.views.keys import shown

    if server:
        gone = remote(server).revoke_key(wanted)
    else:

        async def removing(keyring: Keyring) -> KeyView:
            return shown(await keyring.remove(wanted))

        gone = _change(wiring, store_url, removing)
    click.echo(f"Key '{gone.name}' ({gone.id}) is revoked.")


def _until(expires: str | None) -> int:
    """When a key goes out of date: epoch milliseconds, 0 for never."""
    if expires is None:
        return 0
    import time

    from pavane.language.durations import parse_duration

    return int((time.time() + parse_duration(expires)) * 1000)


def _look(wiring: Wiring, store_url: str) -> list[KeyView]:
    import asyncio

    from pavane.engine.views.keys import shown

    async def looking() -> list[KeyView]:
        async with wiring.keyring_in(store_url, read_only=True) as keyring:
            return [shown(each.key) for each in keyring.holders()]

    return asyncio.run(looking())


def _change(wiring: Wiring, store_url: str, use: Callable[[Keyring], Awaitable[T]]) -> T:
    import asyncio

    if store_url.startswith("memory"):
        raise UsageError("A store in memory keeps no keys.", "Use --store sqlite:///path.db.")

    async def changing() -> T:
        try:
            async with wiring.keyring_in(store_url) as keyring:
                return await use(keyring)
        except StoreBusyError as error:
            remedy = "Ask that server instead, with --server URL and a key that administers."
            raise StoreBusyError(error.message, remedy) from error

    return asyncio.run(changing())


def _lines(keys: list[KeyView], *, used: bool) -> list[str]:
    from pavane.doors.cli.render import moment

    if not keys:
        return ["No keys."]
    head = ["NAME", "ID", "ROLES", "MADE", "EXPIRES", *(["REQUESTS", "LAST"] if used else [])]
    rows = [
        [
            key.name,
            key.id,
            ",".join(key.roles),
            moment(key.created_at),
            moment(key.expires_at) or "never",
            *([str(key.requests), moment(key.last_used_at)] if used else []),
        ]
        for key in keys
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in [head, *rows]]
