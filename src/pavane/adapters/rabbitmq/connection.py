"""A connection to the broker that is made when it is needed, and made again when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, cast

import aiormq
from aiormq.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError

from pavane.adapters.rabbitmq.counters import RabbitCounters
from pavane.adapters.rabbitmq.options import RabbitOptions
from pavane.errors import ConnectionFailedError

if TYPE_CHECKING:
    from aiormq.abc import AbstractConnection
    from aiormq.channel import Channel

TROUBLE: Final = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What the client raises when the broker or the way to it is gone."""
_CLOSE_S: Final = 5.0

# The client tells with tracebacks what we raise, or say in a sentence, ourselves. A program that
# wants to hear it sets a level for this logger before the bus is opened.
_CLIENT: Final = logging.getLogger("aiormq")
if _CLIENT.level == logging.NOTSET:
    _CLIENT.setLevel(logging.CRITICAL)


class Link:
    """One connection; who loses it asks again. Attempts are bounded by `timeout_s` each."""

    def __init__(self, options: RabbitOptions, counters: RabbitCounters) -> None:
        self.options = options
        self._counters = counters
        self._connection: AbstractConnection | None = None
        self._making = asyncio.Lock()

    async def connection(self) -> AbstractConnection:
        """The connection, made now if there is none. ConnectionFailedError."""
        async with self._making:
            if self._connection is None or self._connection.is_closed:
                self._connection = None
                try:
                    async with asyncio.timeout(self.options.timeout_s):
                        self._connection = await aiormq.connect(self.options.address)
                except TROUBLE as error:
                    raise failed(self.options, "cannot be reached", error) from error
                self._counters.connections += 1
            return self._connection

    async def channel(self, *, confirms: bool = False) -> Channel:
        """A new channel. ConnectionFailedError."""
        connection = await self.connection()
        try:
            async with asyncio.timeout(self.options.timeout_s):
                channel = await connection.channel(
                    publisher_confirms=confirms, on_return_raises=False
                )
        except TROUBLE as error:
            if isinstance(
                error, TimeoutError
            ):  # nothing is heard on it: the next one may be better
                await self._drop(connection)
            raise failed(self.options, "gives no channel", error) from error
        return cast("Channel", channel)  # the abstract one lacks options that we use

    async def close(self) -> None:
        """Let go of it, within a bounded time."""
        if self._connection is not None:
            await self._drop(self._connection)

    async def _drop(self, connection: AbstractConnection) -> None:
        if self._connection is connection:
            self._connection = None
        if not connection.is_closed:
            with contextlib.suppress(*TROUBLE):
                async with asyncio.timeout(_CLOSE_S):
                    await connection.close()


def failed(options: RabbitOptions, what: str, error: BaseException) -> ConnectionFailedError:
    """The error for trouble with the broker; a password is never in it."""
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return ConnectionFailedError(
            f"RabbitMQ at {options.shown} does not accept the user, the password or the vhost.",
            "Correct them in the URL of the bus.",
        )
    said = "there is no answer in time" if isinstance(error, TimeoutError) else str(error)
    return ConnectionFailedError(
        f"RabbitMQ at {options.shown} {what}: {said or type(error).__name__}.",
        "See that it runs and can be reached from here.",
    )
