"""Reads events quickly whose headers have the names, in the order, that those of others had.

One program writes the headers of all its events alike. What can be said of names alone is said once
for each such layout; an event costs a look at its values. Whatever is not ordinary is left to
`cloudevents`, which tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pavane.core.model.cloudevents import (
    CONTENT_TYPE,
    is_media_type,
    is_uri,
    may_be_extension,
    mode_of,
)
from pavane.core.model.event import JSON, CloudEvent
from pavane.core.model.timestamps import parse_time
from pavane.errors import InputError

_LAYOUTS: Final = 256
_HEADERS: Final = 32  # of a layout that is remembered,
_CHARS: Final = 1000  # and of its names together
_REQUIRED: Final = ("specversion", "id", "source", "type")
_KEPT: Final = (*_REQUIRED, "time", "subject", "dataschema")
_VERSION: Final = "1.0"
_PRINTABLE: Final = bytes(range(0x20, 0x7F))


class _TooLarge(Exception):
    """A layout that is not remembered. What is raised stays out of the cache."""


class _Layout(NamedTuple):
    """Where each attribute stands among the values; -1: nowhere."""

    specversion: int
    id: int
    source: int
    type: int
    time: int
    subject: int
    dataschema: int
    content_type: int
    extensions: tuple[tuple[str, int], ...]
    breaks: bytes  # what is left of the values, joined by line breaks, without what can be printed


def read_ordinary(
    names: tuple[str, ...], values: Sequence[bytes | str | None], prefix: str, data: bytes
) -> CloudEvent | None:
    """The event in binary mode with these headers; None where that is to be looked at closely."""
    try:
        layout = _layout(names, prefix)
        joined = b"\n".join(values)  # pyright: ignore[reportArgumentType]  # text and None are refused
    except (_TooLarge, TypeError):
        return None
    if layout is None or joined.translate(None, _PRINTABLE) != layout.breaks:
        return None
    texts = joined.decode().split("\n")
    return _event(layout, texts, data) if "" not in texts else None


def _event(layout: _Layout, texts: list[str], data: bytes) -> CloudEvent | None:
    version, id, source, type, time, subject, schema, content, extensions, _ = layout
    content_type = texts[content] if content >= 0 else JSON
    dataschema = texts[schema] if schema >= 0 else ""
    ordinary = texts[version] == _VERSION and _is_ordinary(content_type) and is_uri(texts[source])
    if not ordinary or (dataschema and not is_uri(dataschema)):
        return None
    try:
        time_ms = parse_time(texts[time]) if time >= 0 else 0
    except InputError:
        return None
    return CloudEvent(
        texts[id],
        texts[source],
        texts[type],
        texts[subject] if subject >= 0 else "",
        time_ms,
        content_type,
        dataschema,
        {name: texts[place] for name, place in extensions},
        data,
    )


def _is_ordinary(content_type: str) -> bool:
    return content_type == JSON or (
        mode_of(content_type) == "binary"
        and is_media_type(content_type)
        and content_type == content_type.strip()
    )


@lru_cache(_LAYOUTS)
def _layout(names: tuple[str, ...], prefix: str) -> _Layout | None:
    """None: one is missing, or twice there, or not only attributes and the content type are."""
    if len(names) > _HEADERS or len("".join(names)) > _CHARS:
        raise _TooLarge
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name != CONTENT_TYPE and not name.startswith(prefix):
            return None
        places[name.removeprefix(prefix) if name != CONTENT_TYPE else name] = place
    content_type = places.pop(CONTENT_TYPE, -1)
    if len(places) + (content_type >= 0) != len(names) or not places.keys() >= set(_REQUIRED):
        return None
    kept = [places.pop(name, -1) for name in _KEPT]
    extensions = tuple(places.items())
    if not all(may_be_extension(name) for name, _ in extensions):
        return None
    version, id, source, type, time, subject, schema = kept
    breaks = b"\n" * (len(names) - 1)
    fixed = (version, id, source, type, time, subject, schema, content_type)
    return _Layout(*fixed, extensions, breaks)
