"""What may come in as a payload: a JSON object within limits, checked before anything is queued."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pavane.errors import InputError, TooLargeError

BYTES_MAX = 10 * 1024 * 1024
DEPTH_MAX = 200
PROGRESS_BYTES_MAX = 4000


def bounded(body: bytes, what: str) -> bytes:
    """The body, if it is not too large."""
    if len(body) > BYTES_MAX:
        raise TooLargeError(
            f"{what} has {len(body):,} bytes; the limit is {BYTES_MAX:,}.",
            "Keep large data elsewhere and pass a reference to it.",
        )
    return body


def checked_progress(body: bytes) -> bytes:
    """What a task tells of its progress, if it is small: it is written again and again."""
    if len(body) > PROGRESS_BYTES_MAX:
        raise TooLargeError(
            f"The progress has {len(body):,} bytes; the limit is {PROGRESS_BYTES_MAX:,}.",
            "Tell a number, a text, or a few fields.",
        )
    return body


def checked_object(body: bytes, what: str) -> bytes:
    """The body, if it is a JSON object within the limits. InputError or TooLargeError."""
    bounded(body, what)
    try:
        value: Any = msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep(what) from None
    except UnicodeDecodeError:
        raise InputError(f"{what} is not UTF-8 text.", "Send a JSON object as UTF-8.") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{what} is not JSON: {error}.", "Send a JSON object.") from None
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise InputError(f"{what} is a JSON {kind}, not an object.", "Send a JSON object.")
    if not _shallow(body) and _depth(cast("object", value)) > DEPTH_MAX:
        raise _too_deep(what)
    return body


def _shallow(body: bytes) -> bool:
    """Cheap and sure for nearly every payload: too few brackets to be deep."""
    return body.count(b"{") + body.count(b"[") <= DEPTH_MAX


def _depth(value: object) -> int:
    depth = 0
    level: list[Any] = [value]
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            break
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth


def _too_deep(what: str) -> TooLargeError:
    return TooLargeError(
        f"{what} is nested deeper than {DEPTH_MAX} levels.", "Flatten it, or pass a reference."
    )
