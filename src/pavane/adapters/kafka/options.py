"""What the URL of a Kafka bus says: where the brokers are, and how they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl

import msgspec

from pavane.errors import DefinitionError, UsageError
from pavane.language.durations import parse_duration

SCHEME: Final = "kafka://"
BYTES_MAX: Final = 12 * 1024 * 1024
"""A message: the largest payload there is, with room for its attributes."""

_OURS: Final = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.protocol",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "session.timeout.ms",
    }
)
"""Settings of the client on which the bus's promises stand."""


class KafkaOptions(msgspec.Struct, frozen=True):
    """See docs/reference/buses.md. `client` holds settings for librdkafka, by their own names."""

    servers: str
    prefix: str = ""
    partitions: int = 6
    replication: int = -1  # as the cluster has it
    create: bool = True
    protocol: Literal["classic", "consumer"] = "classic"
    session_s: float = 10.0
    timeout_s: float = 10.0
    client: Mapping[str, str] = {}

    @property
    def shown(self) -> str:
        """The address without what may be secret."""
        return SCHEME + self.servers


def read_options(url: str) -> KafkaOptions:
    """The options in `kafka://HOST:PORT[,HOST:PORT…][?NAME=VALUE&…]`. UsageError."""
    address, _, query = url.removeprefix(SCHEME).partition("?")
    servers = [each.strip() for each in address.rstrip("/").split(",")]
    if not url.startswith(SCHEME) or not all(servers) or "@" in address or "/" in address[:-1]:
        raise UsageError(
            f"'{url.partition('?')[0]}' is no address of Kafka.",
            "Use kafka://HOST:PORT, several with commas between them.",
        )
    given = dict(parse_qsl(query, keep_blank_values=True))
    client: dict[str, str] = {}
    if file := given.pop("config", ""):
        client |= _settings(Path(file))
    client |= {name: given.pop(name) for name in list(given) if "." in name or name == "acks"}
    if taken := sorted(_OURS & client.keys()):
        raise UsageError(
            f"'{taken[0]}' is not for the user of a Kafka bus to set: its promises stand on it.",
            "Leave it out.",
        )
    fields = dict(_fields(given))
    return KafkaOptions(",".join(servers), client=client, **fields)  # pyright: ignore[reportArgumentType]  # each was read by its own reader


def _fields(given: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for name, value in given.items():
        if name == "prefix":
            yield "prefix", value
        elif name in {"partitions", "replication"}:
            yield name, _number(name, value)
        elif name == "create":
            yield name, _choice(name, value, ("yes", "no")) == "yes"
        elif name == "protocol":
            yield name, _choice(name, value, ("classic", "consumer"))
        elif name in {"session", "timeout"}:
            yield f"{name}_s", _seconds(name, value)
        else:
            raise UsageError(
                f"A Kafka bus has no option '{name}'.",
                "It has config, create, partitions, prefix, protocol, replication, session and "
                "timeout, and what librdkafka has, which has a dot in its name.",
            )


def _number(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 10_000:
        raise UsageError(f"'{name}={value}' of the bus is no number.", "Use 1 or more.")
    return int(value)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise UsageError(f"'{name}={value}' of the bus is unknown.", f"Use {' or '.join(choices)}.")
    return value


def _seconds(name: str, value: str) -> float:
    try:
        seconds = parse_duration(value)
    except DefinitionError as error:
        raise UsageError(f"'{name}={value}' of the bus: {error.message}", error.remedy) from error
    if not 1.0 <= seconds <= 3600.0:
        raise UsageError(f"'{name}={value}' of the bus is too short or too long.", "1s to 1h.")
    return seconds


def _settings(path: Path) -> dict[str, str]:
    """A file with a setting of librdkafka on each line, `name=value`; `#` begins a comment."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' cannot be read: {error}.", "Check config=FILE.") from error
    found: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals:
                raise UsageError(f"Line {number} of '{path}' has no '='.", "Write NAME=VALUE.")
            found[name.strip()] = value.strip()
    return found
