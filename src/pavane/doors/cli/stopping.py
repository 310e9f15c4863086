"""Ctrl-C and SIGTERM, or the end of who started us, as an event that a command waits for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import click

from pavane.doors.cli.options import PLACE_STOP_WITH_STDIN
from pavane.errors import UsageError

T = TypeVar("T")

_STDIN: Final = 0
_BYTES: Final = 65_536


def stop_event() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; a second SIGINT interrupts as usual.

    With `--stop-with-stdin` also by the end of standard input.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def stopping(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping, number)
    context = click.get_current_context(silent=True)
    if context and context.meta.get(PLACE_STOP_WITH_STDIN):
        _watch_stdin(loop, stop)
    return stop


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The other end of a pipe is closed when its process ends, however that comes about."""

    def read() -> None:
        try:
            more = os.read(_STDIN, _BYTES)
        except OSError:
            more = b""
        if not more:
            loop.remove_reader(_STDIN)
            stop.set()

    try:
        loop.add_reader(_STDIN, read)
    except OSError as error:  # a file, or /dev/null
        raise UsageError(
            "Standard input is nothing that ends when whoever started this ends.",
            "Give it a pipe, or leave --stop-with-stdin out.",
        ) from error


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None when it had to be left because of `stop`."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
