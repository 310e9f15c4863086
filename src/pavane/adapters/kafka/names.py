"""Names of topics and groups, as Kafka may have them.

Kafka allows letters, digits, `.`, `_` and `-`. Anything else becomes `..` and two hexadecimal
digits for each byte, and so does a dot that is not between two characters which stay; so `..`
never begins anything else, and the name can be read back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pavane.errors import InputError

_MOST: Final = 249
_BAD: Final = re.compile(r"(?<![A-Za-z0-9_-])\.|\.(?![A-Za-z0-9_-])|[^A-Za-z0-9._-]")
_ESCAPED: Final = re.compile(rb"\.\.([0-9a-f]{2})")


@lru_cache(1024)
def kafka_topic(topic: str, prefix: str = "") -> str:
    """What a topic of the bus is called in Kafka. InputError when that would be too long."""
    name = prefix + _BAD.sub(_escape, topic)
    if not topic or len(name) > _MOST:
        raise InputError(
            f"A topic cannot be called {topic[:80]!r} in Kafka.",
            f"Use a name of 1 to {_MOST} characters, the prefix of the bus included.",
        )
    return name


def topic_of(name: str, prefix: str = "") -> str:
    """What the bus calls a topic of Kafka."""
    bare = name.removeprefix(prefix).encode()
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), bare).decode()


def kafka_group(group: str, prefix: str = "") -> str:
    """What a group is called in Kafka, so that it is no group of another program."""
    return f"{prefix}pavane.{group}"


def _escape(match: re.Match[str]) -> str:
    return "".join(f"..{byte:02x}" for byte in match[0].encode())
