"""Settings of librdkafka for each kind of client, and its errors in our words."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from pavane.adapters.kafka.options import BYTES_MAX, KafkaOptions
from pavane.errors import ConnectionFailedError

LOG: Final = logging.getLogger("pavane.kafka")
_QUIET_S: Final = 30.0

_BACKOFF_MS: Final = (50, 1000)
_METADATA_MS: Final = 30_000
_HEARTBEATS: Final = 15  # in a session
_SHORTEST_HEARTBEAT_MS: Final = 100
_QUEUED_KB: Final = 16_384


class Seldom(logging.Filter):
    """One complaint of the client in a while: it makes one at each of its tries to connect."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        now = time.monotonic()
        if now < self._until:
            return False
        self._until = now + _QUIET_S
        return True


_CLIENT: Final = logging.getLogger("pavane.kafka.client")
_CLIENT.addFilter(Seldom())


def any_settings(options: KafkaOptions) -> dict[str, Any]:
    """What every client needs."""
    shortest, longest = _BACKOFF_MS
    return {
        "client.id": "pavane",
        "reconnect.backoff.ms": shortest,
        "reconnect.backoff.max.ms": longest,
        "topic.metadata.refresh.interval.ms": _METADATA_MS,
        "socket.keepalive.enable": True,
        "logger": _CLIENT,
        **options.client,
        "bootstrap.servers": options.servers,
    }


def producer_settings(options: KafkaOptions) -> dict[str, Any]:
    """Each event once and in order, as far as one producer can see to it; keys as in Java."""
    return {
        "linger.ms": 1,
        "message.max.bytes": BYTES_MAX,
        **any_settings(options),
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": int(options.timeout_s * 1000),
        "partitioner": "murmur2_random",
    }


def consumer_settings(options: KafkaOptions, group: str) -> dict[str, Any]:
    """Offsets are committed by hand, and a group that is new begins at the beginning."""
    settings: dict[str, Any] = {
        "queued.max.messages.kbytes": _QUEUED_KB,
        "fetch.message.max.bytes": BYTES_MAX,
        **any_settings(options),
        "group.id": group,
        "group.protocol": options.protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
    }
    if options.protocol == "classic":  # else the brokers say
        session_ms = int(options.session_s * 1000)
        settings |= {
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": max(session_ms // _HEARTBEATS, _SHORTEST_HEARTBEAT_MS),
            "partition.assignment.strategy": "cooperative-sticky",
        }
    return settings


def error_of(error: BaseException) -> KafkaError | None:
    """What Kafka says, where it was Kafka that raised."""
    if isinstance(error, KafkaException) and error.args:
        found = error.args[0]
        return found if isinstance(found, KafkaError) else None
    return None


def failed(options: KafkaOptions, what: str, error: object) -> ConnectionFailedError:
    """One sentence: what could not be done, where, and what Kafka says."""
    said = error_of(error) if isinstance(error, BaseException) else error
    reason = said.str() if isinstance(said, KafkaError) else str(error)
    return ConnectionFailedError(
        f"{what} at {options.shown}: {reason.rstrip('.')}.",
        "See that the brokers are up and can be reached from here, and that they let this user.",
    )
