"""The event as a program without Pavane writes and reads it: the same JSON, the same headers.

A bare program that speaks CloudEvents has to write the required attributes, a time, and here the
correlation as well, as Pavane does; it looks at the type of what it reads and decodes a struct.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bench.handlers.events import EVENT_BYTES, OrderPlaced

TYPE = OrderPlaced.__event_type__
JSON = "application/json"


class Placed(msgspec.Struct):
    """What the bare handler takes."""

    order_id: str
    note: str


KINDS = {TYPE: msgspec.json.Decoder(Placed)}
encoder = msgspec.json.Encoder()


def placed(number: int) -> Placed:
    """An event whose JSON has EVENT_BYTES bytes."""
    bare = len(msgspec.json.encode(Placed(f"{number:08}", "")))
    return Placed(f"{number:08}", "n" * (EVENT_BYTES - bare))


def id_of(number: int) -> str:
    """The id of the event of this number, on all sides."""
    return f"e{number:08}"


def attributes(number: int, prefix: str) -> dict[str, str]:
    """Its attributes, as headers."""
    id = id_of(number)
    return {
        f"{prefix}specversion": "1.0",
        f"{prefix}id": id,
        f"{prefix}source": "shop",
        f"{prefix}type": TYPE,
        f"{prefix}time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        f"{prefix}correlationid": id,
    }
