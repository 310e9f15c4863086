"""Connections that take and give nothing: each waits for something with an end.

A client that sends its request or reads its answer as slowly as it likes, or that has vanished
without a word, costs a file and some memory. Somebody looks at all connections now and then, so
that the requests themselves carry no timers; what waits longer than its patience is let go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from pavane.doors.explaining import address_of

LOOK_S: Final = 1.0
"""How often somebody looks; patience ends at most this much late."""
HEADERS_S: Final = 15.0
BODY_S: Final = 60.0
ANSWER_S: Final = 60.0
ANSWER_BYTES: Final = 65_536
KEPT_FILES: Final = 256
"""Files that no connection may take: the store and the bus need some at any time."""
_EVICTED: Final = (
    64  # at once, so that a flood does not have the connections gone through each time
)
LEAST: Final = 64
"""Connections that are taken however few files there may be."""


class Patience(NamedTuple):
    """For how long, in seconds, a connection may wait for each thing; how many there may be.

    `headers` from the first look at it to a whole head of a request, `body` to the end of the body.
    Of an answer, `ANSWER_BYTES` (or what is left) have to be taken in each `answer` seconds.
    """

    headers: float = HEADERS_S
    body: float = BODY_S
    answer: float = ANSWER_S
    connections: int = 100_000


class Connection(H11Protocol):
    """uvicorn's, with what can be seen and done from outside."""

    most = 100_000  # set for the server's own class, see `of`

    @classmethod
    def of(cls, patience: Patience) -> type[Connection]:
        """The class of the connections of one server."""
        return type("Connection", (cls,), {"most": patience.connections})

    def connection_made(self, transport: Any) -> None:
        """Beyond the limit, those who ask for nothing make room; if there are none, it ends."""
        super().connection_made(transport)
        if len(self.connections) > self.most and not self._make_room():
            transport.abort()

    def _make_room(self) -> bool:
        made = 0
        for other in self.connections:
            if other is not self and _asks_nothing(other):
                other.transport.abort()
                made += 1
                if made == _EVICTED:
                    break
        return made > 0

    @property
    def waits_for(self) -> str:
        """`headers` of a request (or any request at all), `body`, or "": it waits for us."""
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            return "headers"
        return "body" if bool(cycle.more_body) else ""

    @property
    def unsent(self) -> int:
        """Bytes of answers that the other side has not taken."""
        return self.transport.get_write_buffer_size()

    def say_408(self, what: str, seconds: float) -> None:
        """End it; whoever still listens hears why."""
        cycle: Any = self.cycle
        begun = bool(self.conn.trailing_data[0]) or cycle is not None
        listens = self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}
        if begun and listens and not self.transport.is_closing():
            detail = f"The {what} did not arrive within {seconds:g} s."
            problem = {
                "type": address_of("too-slow"),
                "title": "Request Timeout",
                "status": 408,
                "detail": detail,
                "code": "too-slow",
                "remedy": "Send it at once, in one piece.",
            }
            self.transport.write(_response(msgspec.json.encode(problem)))
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def _asks_nothing(connection: Any) -> bool:
    return isinstance(connection, Connection) and connection.waits_for == "headers"


def _response(body: bytes) -> bytes:
    head = (
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


class Watch:
    """Looks at all connections; `look` is called every LOOK_S seconds or so."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._since: dict[Connection, tuple[str, Any, float]] = {}
        self._unsent: dict[Connection, tuple[int, float]] = {}

    def look(self, connections: Iterable[Any], now: float) -> None:
        """Let go what has waited for too long by the loop's time `now`."""
        since, self._since = self._since, {}
        unsent, self._unsent = self._unsent, {}
        for each in list(connections):
            if not isinstance(each, Connection) or self._stuck(each, unsent, now):
                continue
            what = each.waits_for
            # Between two requests uvicorn's own timer runs.
            if what and each.timeout_keep_alive_task is None:
                seen = since.get(each)
                if seen is None or seen[:2] != (what, each.cycle):
                    seen = (what, each.cycle, now)
                patience = self.patience.headers if what == "headers" else self.patience.body
                if now - seen[2] > patience:
                    each.say_408("head of the request" if what == "headers" else what, patience)
                else:
                    self._since[each] = seen

    def _stuck(
        self, connection: Connection, before: dict[Connection, tuple[int, float]], now: float
    ) -> bool:
        size = connection.unsent
        if not size:
            return False
        most, since = before.get(connection, (size, now))
        if size > most or most - size >= ANSWER_BYTES:
            # More was written, which happens only where what was before has mostly gone.
            most, since = size, now if most - size >= ANSWER_BYTES else since
        if now - since > self.patience.answer:
            connection.transport.abort()
            return True
        self._unsent[connection] = (most, since)
        return False
