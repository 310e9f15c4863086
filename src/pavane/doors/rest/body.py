"""Requests in: bodies within limits, JSON with the place of what is wrong, query parameters."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from pavane.doors.rest.problems import MalformedError
from pavane.engine.payloads import DEPTH_MAX
from pavane.errors import InputError, TooLargeError

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_DEPTH = DEPTH_MAX
MAX_SHORT_BYTES = 4096
_MAX_DRAIN_BYTES = 64 * 1024 * 1024  # so that a client that is still sending can read our answer
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

T = TypeVar("T")


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """A body with nothing in it."""


async def read_json(request: Request, kind: type[T]) -> T:
    """The body as `kind`, empty counts as `{}`; MalformedError, InputError or TooLargeError."""
    return decode(await read_body(request) or b"{}", kind)


async def read_one_or_more(request: Request, kind: type[T]) -> list[T]:
    """The body as one `kind` or a list of them."""
    body = (await read_body(request)).lstrip()
    return decode(body, list[kind]) if body.startswith(b"[") else [decode(body, kind)]


def decode(body: bytes, kind: type[T]) -> T:
    """JSON as `kind`; MalformedError or InputError, with the place."""
    check_depth(body)
    try:
        body.decode("utf-8")
        return msgspec.json.decode(body, type=kind)
    except UnicodeDecodeError as error:
        raise MalformedError(
            f"The body is not UTF-8 (byte {error.start}).", "Send JSON as UTF-8."
        ) from error
    except msgspec.ValidationError as error:
        raise InputError(f"The body does not fit: {error}.", "See /v1/openapi.json.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedError(f"The body is not JSON: {error}.", "Send valid JSON.") from error


async def read_body(request: Request) -> bytes:
    """The bytes of the body, at most MAX_BODY_BYTES: TooLargeError beyond."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        elif size > _MAX_DRAIN_BYTES:
            break
        else:
            chunks.clear()
    if size > MAX_BODY_BYTES:
        at_most = MAX_BODY_BYTES // (1024 * 1024)
        raise TooLargeError(
            f"The body is larger than {at_most} MiB.",
            "Store big data elsewhere and pass a reference to it.",
        )
    return b"".join(chunks)


async def read_short_body(request: Request) -> bytes:
    """The body of somebody who has not shown a key yet: at most MAX_SHORT_BYTES."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_SHORT_BYTES:
            raise TooLargeError(f"The body is larger than {MAX_SHORT_BYTES} bytes.", "")
    return body


def check_depth(body: bytes, limit: int = MAX_DEPTH) -> None:
    """Refuse lists and objects nested deeper than the limit, before anything is decoded.

    Strings are cut out, everything but brackets is dropped; then each pass removes one level.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    brackets = _without_strings(body).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return  # not balanced: the decoder will say where
        brackets = shorter
    if brackets:
        raise MalformedError(
            f"The body nests lists or objects deeper than {limit} levels.",
            "Flatten the data, or pass a reference to it.",
        )


def _without_strings(body: bytes) -> bytes:
    """The JSON text without its strings (an odd quote leaves the rest to the decoder)."""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(unescaped.split(b'"')[::2])


def integer(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number from the query, refused outside its bounds."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise MalformedError(
            f"The query parameter '{name}' is '{text[:40]}'.",
            f"It must be a whole number from {low} to {high}.",
        )
    return value


def flag(request: Request, name: str) -> bool:
    """A yes or no from the query; absent is no."""
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false", "1", "0"}:
        raise MalformedError(
            f"The query parameter '{name}' is '{text[:40]}'.", "Say true or false."
        )
    return text in {"true", "1"}
