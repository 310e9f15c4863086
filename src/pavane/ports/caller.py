"""The caller: requests to services that know nothing of us.

Promises (each is watched by the contract suite, and by one adapter that breaks it):

1. faithful: method, path, query, headers and body arrive as they were given, and nothing is added
   but what HTTP itself needs; status, headers and body of the answer come back as they were sent.
2. plain: a redirect is an answer like any other; it is not followed.
3. bounded: no call takes longer than `timeout_s`, however slowly the answer comes, and no answer
   larger than `body_max` is read to its end.
4. honest: a failure says whether the service may have got the request (`CallError.perhaps_done`),
   and whether another attempt could mend it (`CallError.final`).
5. alone: calls do not wait for one another, as long as there are fewer than `limit` at once.

All are called from one event loop. A call that is cancelled lets go of its connection.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

BODY_MAX = 5_000_000
"""The largest answer that is read, in bytes, unless a request says otherwise."""


class CallRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask. `url` is absolute, with its query; header names are lower case."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_s: float = 60.0  # for all of it
    connect_timeout_s: float = 10.0
    read_timeout_s: float | None = None  # of silence; None: only `timeout_s` counts
    body_max: int = BODY_MAX


class CallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; header names are lower case, and may be there several times."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first header of that (lower case) name, "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


class Caller(Protocol):
    """Calls services outside. See the module for the promises."""

    async def call(self, request: CallRequest) -> CallAnswer:
        """Ask and wait for the whole answer, whatever its status.

        CallError where there is none: the connection failed, the time was up, the answer is too
        large or no HTTP, the destination is not allowed, the URL cannot be used.
        """
        ...

    async def close(self) -> None:
        """Close the connections; closing twice is fine."""
        ...
