"""Asks whether what listens at an address is the server it is taken for, and ready.

Each greeting is the first thing that a client of that server says, by hand: no driver is needed,
and no login. An answer that no such server gives names a wrong address in clear words.
"""

import socket
import struct
from collections.abc import Callable

ANSWER_S = 5.0


class NotReady(Exception):
    """Nobody is there, or it is not (yet) the server that was meant: the text says which."""


def greet(kind: str, host: str, port: int) -> None:
    """Return when that server is there and ready for clients; raise NotReady otherwise."""
    try:
        with socket.create_connection((host, port), timeout=ANSWER_S) as connection:
            _GREETINGS[kind](connection)
    except OSError as error:
        what = "nothing answers" if isinstance(error, TimeoutError) else str(error)
        raise NotReady(f"{host}:{port}: {what}") from None


def _postgres(connection: socket.socket) -> None:
    said = b"user\0postgres\0database\0postgres\0\0"
    connection.sendall(struct.pack("!II", len(said) + 8, 196608) + said)
    answer = connection.recv(512)
    starting = answer[:1] == b"E" and b"C57P03" in answer  # it says itself that it is starting up
    if starting or answer[:1] not in {b"R", b"E"}:
        raise NotReady("PostgreSQL is starting up" if starting else "this is not PostgreSQL")


def _rabbitmq(connection: socket.socket) -> None:
    connection.sendall(b"AMQP\x00\x00\x09\x01")
    answer = _read(connection, 11)
    if answer[:1] != b"\x01" or answer[7:11] != struct.pack("!HH", 10, 10):  # Connection.Start
        raise NotReady("this does not speak AMQP 0.9.1")


def _kafka(connection: socket.socket) -> None:
    """Ask for the brokers (Metadata, version 0): a broker lists itself once it takes clients."""
    body = struct.pack("!hhihi", 3, 0, 4711, -1, 0)
    connection.sendall(struct.pack("!i", len(body)) + body)
    answer = _read(connection, 12)
    if len(answer) < 12 or struct.unpack("!i", answer[4:8])[0] != 4711:
        raise NotReady("this does not speak Kafka's protocol")
    if struct.unpack("!i", answer[8:12])[0] < 1:
        raise NotReady("Kafka is starting up")


def _read(connection: socket.socket, size: int) -> bytes:
    """Read so many bytes, or what there was when the other side closed."""
    got = b""
    while len(got) < size and (more := connection.recv(size - len(got))):
        got += more
    return got


_GREETINGS: dict[str, Callable[[socket.socket], None]] = {
    "postgres": _postgres,
    "rabbitmq": _rabbitmq,
    "kafka": _kafka,
}
