"""CloudEvents 1.0 on the wire: attributes in headers (binary mode), or all in JSON (structured).

Sources: the CloudEvents specification 1.0.2 and its bindings for HTTP, Kafka and NATS, and its JSON
format. Every refusal is an InputError that names the attribute.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote, unquote_to_bytes

import msgspec

from pavane.core.model.event import JSON, CloudEvent
from pavane.core.model.timestamps import format_time, parse_time
from pavane.errors import InputError

CONTENT_TYPE: Final = "content-type"
STRUCTURED: Final = "application/cloudevents+json"
HTTP_PREFIX: Final = "ce-"
KAFKA_PREFIX: Final = "ce_"

Mode = Literal["binary", "structured", "batch"]
Answer = TypeVar("Answer")

_VERSION = "1.0"
_KNOWN: Final = 1024  # names and types that recur; a message can bring any number of others,
_SHORT: Final = 100  # and of any length
_TEXTS = ("id", "source", "type", "subject", "dataschema")  # core attributes kept as they are
_REQUIRED = ("id", "source", "type")
_CORE = frozenset({*_TEXTS, "specversion", "time", "datacontenttype"})
_names_seen: set[str] = set()  # of extensions, that were found to be names; at most _KNOWN
_NAME = re.compile(r"[a-z0-9]+")
_FORBIDDEN = re.compile(  # control characters, lone surrogates, noncharacters
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)
_MEDIA_TYPE = re.compile(r"[!-.0-:<-~]+/[!-.0-:<-~]+[ \t]*(?:;[ -~\t]*)?")
_NOT_IN_URI = re.compile(r"[\s<>\"{}|\\^`]")
_HEADER_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class _Answers(dict[str, Answer]):
    """What was answered lately; it begins anew when there are too many."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, text: str) -> Answer:
        found = self._answer(text)
        if len(text) <= _SHORT:
            if len(self) >= _KNOWN:
                self.clear()
            self[text] = found
        return found


def _remembered(answer: Callable[[str], Answer]) -> Callable[[str], Answer]:
    return _Answers(answer).__getitem__


@_remembered
def mode_of(content_type: str) -> Mode:
    """How the message with this content type carries its event, or events."""
    lower = content_type.strip().lower()
    if lower.startswith("application/cloudevents-batch"):
        return "batch"
    return "structured" if lower.startswith("application/cloudevents") else "binary"


@_remembered
def is_json(content_type: str) -> bool:
    """Whether data of this type is JSON; no type at all means that it is."""
    subtype = content_type.partition(";")[0].strip().lower().rpartition("/")[2]
    return subtype in {"", "json"} or subtype.endswith("+json")


def check_event(event: CloudEvent) -> None:
    """InputError if the event may not travel like this."""
    extensions = event.attributes
    texts = (event.id, event.source, event.type, event.subject, event.dataschema)
    if not (event.id and event.source and event.type):
        name = next(name for name in _REQUIRED if not getattr(event, name))
        raise _bad(name, "is missing", "Every event needs one that is not empty.")
    together = "".join((*texts, *extensions.values()))
    plain = together.isascii() and together.isprintable()  # nearly always
    if not plain and _FORBIDDEN.search(together):
        for name in _TEXTS:
            _check_text(name, getattr(event, name))
        for name, value in extensions.items():
            _check_text(name, value)
    for name, uri in (("source", event.source), ("dataschema", event.dataschema)):
        if uri and not is_uri(uri):
            raise _bad(name, "is no URI", "Percent-encode spaces and the like.")
    if event.datacontenttype and not is_media_type(event.datacontenttype):
        raise _bad("datacontenttype", "is no media type", "Write it like application/json.")
    if not extensions.keys() <= _names_seen:
        for name in extensions:
            _check_extension(name)
    if not all(extensions.values()):
        name = next(name for name, value in extensions.items() if not value)
        raise _bad(name, "is empty", "Leave it out.")


def _check_extension(name: str) -> None:
    _check_name(name)
    if name in _CORE:
        raise _bad(name, "is no extension", "Set the event's own field.")
    if len(name) <= _SHORT and len(_names_seen) < _KNOWN:
        _names_seen.add(name)


# --- binary mode ----------------------------------------------------------------------------------


def to_headers(event: CloudEvent, prefix: str, *, http: bool = False) -> dict[str, str]:
    """The attributes as headers; the data travels beside them as it is.

    With `http`, values are percent-encoded as HTTP and NATS need it.
    """
    check_event(event)
    if mode_of(event.datacontenttype) != "binary":
        raise _bad(
            "datacontenttype", "would pass for structured mode", "Send the event structured."
        )
    headers = _attributes(event, prefix)
    if http:
        headers = {name: quote(value, safe=_HEADER_SAFE) for name, value in headers.items()}
    if event.datacontenttype:
        headers[CONTENT_TYPE] = event.datacontenttype
    return headers


def from_headers(
    headers: Mapping[str, str], data: bytes, prefix: str, *, http: bool = False
) -> CloudEvent:
    """The event whose attributes are in the headers with this prefix; others are not looked at.

    With `http`, the case of names does not matter, and values are decoded.
    """
    attributes: dict[str, str] = {}
    content_type = ""
    for header, value in headers.items():
        lower = header.lower()
        if lower == CONTENT_TYPE:
            content_type = value.strip()
        elif (known := lower if http else header).startswith(prefix):
            name = known[len(prefix) :]
            if name in attributes:
                raise _bad(name, "is given twice", "Send each header once.")
            attributes[name] = _decoded(name, value) if http else value
    if (mode := mode_of(content_type)) != "binary":
        raise _bad("datacontenttype", f"says that this is {mode} mode", "Read it as JSON.")
    return from_attributes(attributes, content_type, data)


def from_attributes(attributes: dict[str, str], content_type: str, data: bytes) -> CloudEvent:
    """The event in binary mode whose attributes stand without prefix; the dictionary is used up."""
    # NATS keeps the type among the attributes.
    named = attributes.pop("datacontenttype", content_type)
    if content_type not in {"", named}:
        raise _bad("datacontenttype", "is not what the content type says", "Send only one.")
    return _built(attributes, named, data)


def _decoded(name: str, value: str) -> str:
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeError:
        raise _bad(name, "is not UTF-8", "Percent-encode the bytes of its UTF-8.") from None


# --- structured mode ------------------------------------------------------------------------------


def to_json(event: CloudEvent) -> bytes:
    """The whole event as one JSON object; data that is not JSON is in base64."""
    check_event(event)
    body: dict[str, object] = dict(_attributes(event))
    if event.datacontenttype:
        body["datacontenttype"] = event.datacontenttype
    if event.data and is_json(event.datacontenttype):
        _decode("data", event.data)  # bytes that are no JSON would spoil the whole
        body["data"] = msgspec.Raw(event.data)
    elif event.data:
        body["data_base64"] = base64.b64encode(event.data).decode()
    return msgspec.json.encode(body)


def from_json(body: bytes) -> CloudEvent:
    """The event in a JSON object. JSON data comes as written, but for white space around it."""
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise InputError(
            f"The event is no JSON object: {error}.", "Send a CloudEvent in JSON format."
        ) from error
    raw, encoded = members.pop("data", None), members.pop("data_base64", None)
    attributes: dict[str, str] = {}
    for name, member in members.items():
        value = _decode(name, bytes(member))
        if value is not None:  # null is as good as absent
            attributes[name] = _as_text(name, value)
    content_type = attributes.pop("datacontenttype", "")
    return _built(attributes, content_type, _data_of(raw, encoded, content_type))


def _data_of(raw: msgspec.Raw | None, encoded: msgspec.Raw | None, content_type: str) -> bytes:
    if raw is not None and encoded is not None:
        raise _bad("data_base64", "stands beside `data`", "Send one of them.")
    if encoded is not None:
        text = _decode("data_base64", bytes(encoded))
        try:
            return base64.b64decode("" if text is None else text, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise _bad(
                "data_base64", "is no base64", "Encode the bytes as RFC 4648 says."
            ) from None
    if raw is None:
        return b""
    if not is_json(content_type):
        text = _decode("data", bytes(raw))
        if text is None or isinstance(text, str):
            return (text or "").encode()
    return bytes(raw)


def _as_text(name: str, value: object) -> str:
    """An attribute's value in the canonical form of its type."""
    if isinstance(value, str):
        return value
    if name not in _CORE and isinstance(value, bool):
        return "true" if value else "false"
    if name not in _CORE and isinstance(value, int) and -(2**31) <= value < 2**31:
        return str(value)
    raise _bad(name, "is of no type that an attribute can have", "Send it as a string.")


def _decode(name: str, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise _bad(name, f"is no JSON ({error})", "Send valid JSON in UTF-8.") from None


# --- both -----------------------------------------------------------------------------------------


def _attributes(event: CloudEvent, prefix: str = "") -> dict[str, str]:
    """All attributes as text, but for the content type."""
    found = {
        f"{prefix}specversion": _VERSION,
        f"{prefix}id": event.id,
        f"{prefix}source": event.source,
        f"{prefix}type": event.type,
    }
    if event.subject:
        found[f"{prefix}subject"] = event.subject
    if event.dataschema:
        found[f"{prefix}dataschema"] = event.dataschema
    if event.time:
        try:
            found[f"{prefix}time"] = format_time(event.time)
        except InputError as error:
            raise _bad("time", f"cannot be written: {error.message}", error.remedy) from error
    for name, value in event.attributes.items():
        found[prefix + name] = value
    return found


def _built(attributes: dict[str, str], content_type: str, data: bytes) -> CloudEvent:
    """The event with these attributes, once all of them are found to be in order."""
    if not all(attributes.values()):
        name = next(name for name, value in attributes.items() if not value)
        _check_name(name)
        raise _bad(name, "is empty", "Leave it out.")
    version = attributes.pop("specversion", "")
    if version != _VERSION:
        raise _bad("specversion", f"is {version or 'missing'}", f"Send version {_VERSION}.")
    time_ms = 0
    if time := attributes.pop("time", ""):
        try:
            time_ms = parse_time(time)
        except InputError as error:
            raise _bad("time", f"cannot be read: {error.message}", error.remedy) from error
    take = attributes.pop
    event = CloudEvent(
        id=take("id", ""),
        source=take("source", ""),
        type=take("type", ""),
        subject=take("subject", ""),
        time=time_ms,
        datacontenttype=content_type or JSON,
        dataschema=take("dataschema", ""),
        attributes=attributes,  # what is left
        data=data,
    )
    check_event(event)
    return event


@_remembered
def is_media_type(text: str) -> bool:
    """Whether it is one, with its parameters."""
    return _MEDIA_TYPE.fullmatch(text) is not None


@_remembered
def is_uri(text: str) -> bool:
    """Whether nothing is in it that no URI may have."""
    return _NOT_IN_URI.search(text) is None


@_remembered
def _is_name(name: str) -> bool:
    return name != "data" and _NAME.fullmatch(name) is not None


def may_be_extension(name: str) -> bool:
    """Whether an attribute beside those of the specification may have this name."""
    return _is_name(name) and name not in _CORE


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise _bad(name, "is no name of an attribute", "Use a-z and 0-9, and not `data`.")


def _check_text(name: str, value: str) -> None:
    if match := _FORBIDDEN.search(value):
        code = f"U+{ord(match[0]):04X}"
        raise _bad(name, f"has a character that may not travel ({code})", "Leave it out.")


def _bad(name: str, what: str, remedy: str) -> InputError:
    return InputError(f"The CloudEvents attribute `{name}` {what}.", remedy)
