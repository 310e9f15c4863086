"""Where a process answers REST: its address, its lock and its TLS, as the options have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from pavane.doors.cli.options import host_option, port_option, shown_url
from pavane.doors.wiring import Wiring
from pavane.errors import UsageError

if TYPE_CHECKING:
    import asyncio
    import socket

    from pavane.doors.rest.tls import Tls
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine

F = TypeVar("F", bound=Callable[..., Any])


class Door(NamedTuple):
    """An address, whether it asks for keys, whether others than this machine reach it, its TLS."""

    host: str
    port: int
    locked: bool
    loopback: bool
    tls: Tls | None


def door_options(port: int | None) -> Callable[[F], F]:
    """`--host`, `--port`, `--auth`, `--tls-cert` and `--tls-key`."""

    def add(function: F) -> F:
        for option in (
            click.option("--tls-key", metavar="FILE", help="Its key, where not in the same file."),
            click.option("--tls-cert", metavar="FILE", help="Answer HTTPS, with this certificate."),
            click.option(
                "--auth",
                type=click.Choice(["off", "required"]),
                default=None,
                help="Whether to ask for keys; by default only beyond this machine (loopback).",
            ),
            port_option(port),
            host_option,
        ):
            function = option(function)
        return function

    return add


def door_at(
    host: str, port: int, auth: str | None, tls_cert: str | None, tls_key: str | None
) -> Door:
    """The door that the options describe. UsageError where others would reach it without a key."""
    from pavane.doors.rest.serve import address_of
    from pavane.doors.rest.tls import tls_from

    loopback = address_of(host).is_loopback
    if auth == "off" and not loopback:
        raise UsageError(
            f"Listening on {host} would be open to others, and nobody would be asked for a key.",
            "Leave --auth off out, or use 127.0.0.1.",
        )
    locked = auth == "required" or not loopback
    return Door(host, port, locked, loopback, tls_from(tls_cert, tls_key))


def unkept(door: Door) -> Door:
    """The door of a process that has no store, and so no keys. UsageError for a locked one."""
    if door.locked:
        raise UsageError(
            "Dancers keep no keys, so they can ask nobody for one: they answer on loopback only.",
            "Use 127.0.0.1; `pavane server --bus` answers for them, and asks for keys.",
        )
    return door


async def need_keys(wiring: Wiring, door: Door, store_url: str) -> None:
    """Before anything is bound: UsageError for a lock that no key could open or administer."""
    if not door.locked:
        return
    async with wiring.keyring_in(store_url) as keyring:
        if not keyring.administered():
            raise UsageError(
                "A server that asks for keys needs one that administers; "
                f"{shown_url(store_url)} has none.",
                "Make it first: `pavane keys add NAME --role administer --store URL`.",
            )


async def answer(
    wiring: Wiring,
    door: Door,
    listening: socket.socket,
    stop: asyncio.Event,
    greet: Callable[[str], str],
    *,
    engine: Engine | None = None,
    company: Company | None = None,
) -> None:
    """Answer REST at the door until told to stop; `greet` says so, given the URL."""
    from pavane.doors.rest.serve import serve, url_of
    from pavane.doors.site import build_site

    keyring = await wiring.keyring_of(engine.store) if engine else None
    if engine and keyring:
        engine.tell_of_changes(keyring.load)

    def on_ready() -> None:
        click.echo(greet(url_of(listening, secure=door.tls is not None)))
        for line in _remarks(door, has_keys=bool(keyring and keyring.holders())):
            click.echo(line, err=True)

    app = build_site(engine, company, keyring if door.locked else None)
    await serve(app, listening, stop, on_ready, door.tls)


def _remarks(door: Door, *, has_keys: bool) -> list[str]:
    if not door.locked:
        lax = "Nobody is asked for a key, though the store has some: --auth required asks."
        return [lax] if has_keys else []
    lines = ["Every request needs a key (see `pavane keys`)."]
    if door.tls is None and not door.loopback:
        lines.append(
            "warning: plain HTTP beyond this machine: keys and data can be read on their way. "
            "Use --tls-cert, or a proxy that speaks TLS."
        )
    return lines
