"""Handlings in the service's own database: what a handler writes there, and that it has done so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from pavane.core.model.event import Outgoing
from pavane.errors import StoreError, UsageError
from pavane.ports.clock import Clock
from pavane.ports.handlers import Handled
from pavane.ports.results import Result, Results, Transaction
from pavane.sdk.attempt import words_of


class _Kept(msgspec.Struct, omit_defaults=True):
    """What a handling came to, under its key in the ledger."""

    emitted: list[Outgoing] = []
    reason: str = ""


class Effects:
    """Lets a handler write once for each message, however often that comes.

    What it has written and what it has emitted are committed together. Its messages are sent in the
    participant's next transaction; should the process die before that, the message comes again and
    is answered from here.
    """

    def __init__(self, results: Results, clock: Clock) -> None:
        self._results = results
        self._clock = clock

    async def once(
        self, key: str, asked: str, call: Callable[[Transaction], Awaitable[Handled]]
    ) -> Handled:
        """What `call` comes to, or has come to before. StoreError: nothing came of it.

        `asked` is the connection that it wants (see `ports.results`).
        """
        key = f"on:{key}"
        try:
            async with self._results.transaction([key], asked=asked) as transaction:
                known = transaction.found.get(key)
                if known is not None and known.output is not None:
                    kept = msgspec.json.decode(known.output, type=_Kept)
                    return Handled("done", kept.emitted, kept.reason)
                handled = await call(transaction)
                if handled.ending == "done":
                    try:
                        await transaction.flush()
                    except Exception as error:  # noqa: BLE001  # the function's
                        return Handled("failed", reason=words_of(error))
                    body = msgspec.json.encode(_Kept(handled.emitted, handled.reason))
                    await transaction.commit([Result(key, body, self._clock.now())])
                return handled
        except StoreError:
            raise
        except UsageError as error:  # the function has ended its transaction
            return Handled("final", reason=str(error))
