"""What the URL of a RabbitMQ bus says: where the broker is, and how it is used."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from pavane.core.model.durations import parse_duration
from pavane.errors import DefinitionError, UsageError

SCHEMES: Final = ("amqp", "amqps")
_KEEP_S: Final = 14 * 86_400.0
_PREFETCH_MAX: Final = 2000


class RabbitOptions(msgspec.Struct, frozen=True):
    """See docs/reference/buses.md. `address` is the URL for the client, with its own options."""

    address: str
    shown: str  # the address without what may be secret
    prefix: str = ""
    prefetch: int = 500
    keep_s: float = _KEEP_S
    kept: tuple[str, ...] = ()  # beginnings of topics
    timeout_s: float = 10.0


def read_options(url: str) -> RabbitOptions:
    """The options in `amqp[s]://[USER:PASSWORD@]HOST[:PORT][/VHOST][?NAME=VALUE&…]`. UsageError."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise UsageError(
            f"'{parts.scheme}:' with nothing that fits behind it is no address of RabbitMQ.",
            "Use amqp://USER:PASSWORD@HOST:PORT/VHOST.",
        )
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    prefix = given.pop("prefix", "")
    prefetch = _whole(given.pop("prefetch", "500"), "prefetch", _PREFETCH_MAX)
    keep_s = _span(given.pop("keep", ""), "keep", _KEEP_S)
    timeout_s = _span(given.pop("timeout", ""), "timeout", 10.0)
    kept = tuple(each for each in given.pop("kept", "").split(",") if each)
    given.setdefault("heartbeat", "10")
    place = parts.hostname + (f":{parts.port}" if parts.port else "")
    address = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode(given), ""))
    return RabbitOptions(
        address, f"{parts.scheme}://{place}{parts.path}", prefix, prefetch, keep_s, kept, timeout_s
    )


def _whole(text: str, name: str, most: int) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    raise UsageError(f"{name}={text} is no number from 1 to {most}.", "Correct the URL.")


def _span(text: str, name: str, usual: float) -> float:
    if not text:
        return usual
    try:
        found = parse_duration(text)
    except DefinitionError as error:
        raise UsageError(f"{name}={text} is no time: {error.message}", "Use 30s or 14d.") from error
    return found
