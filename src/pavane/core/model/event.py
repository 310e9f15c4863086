"""Events as they travel: CloudEvents 1.0, with our coordinates as extension attributes."""

from __future__ import annotations

import msgspec

JSON = "application/json"


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
