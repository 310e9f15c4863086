"""What things are called on the broker: people see these names, and other programs bind to them."""

from __future__ import annotations

import hashlib
from typing import Final

from pavane.ports.bus import INNER, group_of

_BYTES_MAX: Final = 255  # of a name, in AMQP
_HASH_CHARS: Final = 32


def exchange_of(topic: str, prefix: str) -> str:
    """The exchange of a topic: the topic itself."""
    return _fitting(prefix + topic)


def queue_of(group: str, topic: str, prefix: str) -> str:
    """The queue of a group for a topic."""
    return _fitting(f"{prefix}{group}/{topic}")


def stream_of(topic: str, prefix: str) -> str:
    """The stream in which what was published on a topic is kept."""
    return _fitting(f"{prefix}{topic}/kept")


def delay_of(level: int) -> str:
    """The exchange and the queue for delays of 64 ms, 128 ms …: 64 times two to the power."""
    return f"{INNER}delay.{64 << level}ms"


def is_kept(topic: str, beginnings: tuple[str, ...]) -> bool:
    """Whether what is published on it is kept for who comes later.

    Journals and definitions are, and topics that begin with one of these.
    """
    return topic.startswith((INNER, *beginnings)) and not group_of(topic)


def fitting_key(key: str) -> str:
    """A key as routing key: one that is too long gives way to its hash."""
    return _fitting(key)


def _fitting(name: str) -> str:
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) <= _BYTES_MAX:
        return name
    end = hashlib.sha256(encoded).hexdigest()[:_HASH_CHARS]
    room = _BYTES_MAX - _HASH_CHARS - 1
    return encoded[:room].decode("utf-8", "ignore") + "~" + end
