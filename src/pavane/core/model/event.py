"""Events as they travel: CloudEvents 1.0, with our coordinates as extension attributes."""

from __future__ import annotations

import re
from typing import Final

import msgspec

JSON = "application/json"
SINK: Final = "event:"
"""With this, and a type behind it, an EVENT step names what it publishes."""

_TYPE_CHARS = 200
_PART = re.compile(r"[a-z][a-z0-9_-]*")
_VERSION = re.compile(r"v[1-9][0-9]*")


class CloudEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: the required attributes, those optional ones that we use, and the data.

    `time` is epoch milliseconds (0: not given); bindings write it as RFC 3339. `attributes` holds
    the extensions (`procinstance`, `correlationid` …): names of a-z and 0-9, values as text, never
    empty. `data` is JSON unless `datacontenttype` says otherwise.
    """

    id: str
    source: str
    type: str
    subject: str = ""
    time: int = 0
    datacontenttype: str = JSON
    dataschema: str = ""
    attributes: dict[str, str] = {}
    data: bytes = b""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """An event on its way out: the topic, and the key within which order matters ("" = none)."""

    topic: str
    key: str
    event: CloudEvent


def topic_of_type(type: str) -> str:
    """The topic on which events of a type travel: the type without what happened."""
    *thing, _, version = type.split(".")
    return ".".join([*thing, version])


def fault_in_type(type: str) -> str:
    """What is wrong with the name of an event type, in words; "" when nothing is."""
    *names, version = type.split(".")
    if not _VERSION.fullmatch(version):
        return "does not end in a version such as .v1"
    bad = next((name for name in names if not _PART.fullmatch(name)), None)
    if bad == "":
        return "has an empty part"
    if bad is not None:
        return f'has the part {bad!r}: a part is of a-z, 0-9, "_" and "-", and begins with a letter'
    if len(names) < 2:
        return "has too few parts: what it is about, and what happened"
    return f"has more than {_TYPE_CHARS} characters" if len(type) > _TYPE_CHARS else ""
