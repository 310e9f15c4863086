"""Payloads on the command line: JSON in place, or `@FILE`, or `@-` for standard input."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from pavane.errors import UsageError


def read_payload(text: str, option: str) -> msgspec.Raw:
    """The JSON object that the text is or names; UsageError with the place of what is wrong."""
    body = _read(text[1:], option) if text.startswith("@") else text.encode()
    try:
        body.decode("utf-8")
        value = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise UsageError(f"{option} is not UTF-8 (byte {error.start}).", "") from error
    except RecursionError as error:
        raise UsageError(f"{option} is nested too deeply to be read.", "Flatten it.") from error
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{option} is not JSON: {error}.",
            f"Quote it for the shell, as in {option} '{{\"id\": 1}}', or give @FILE.",
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            f"{option} is not a JSON object.", "Inputs, outputs and the data of events are objects."
        )
    return msgspec.Raw(body)


def _read(name: str, option: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{option} cannot be read from '{name}': {error.strerror}.", "Name a readable file."
        ) from error
