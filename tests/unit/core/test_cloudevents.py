"""CloudEvents come back from the wire as they were, and what may not travel is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.core.model.cloudevents import (
    HTTP_PREFIX,
    KAFKA_PREFIX,
    check_event,
    from_headers,
    from_json,
    is_json,
    mode_of,
    to_headers,
    to_json,
)
from pavane.core.model.event import CloudEvent
from pavane.errors import InputError

FULL = CloudEvent(
    id="1",
    source="/shop/payment",
    type="com.example.paid.v1",
    subject='Ordér 7 "€" 100%',
    time=1_767_323_045_678,
    datacontenttype="application/json; charset=utf-8",
    dataschema="https://example.org/paid.json",
    attributes={"procinstance": "7", "note": "a,b\U0001f600~!"},
    data=b'{"amount": 1.0}',
)
BARE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def kafka(**changed: str | None) -> dict[str, str]:
    """The headers of a small event on Kafka, with some changed and some (None) left out."""
    headers = {KAFKA_PREFIX + name: value for name, value in BARE.items()}
    for name, value in changed.items():
        headers[KAFKA_PREFIX + name] = value or ""
        if value is None:
            del headers[KAFKA_PREFIX + name]
    return headers


def body(**changed: Any) -> bytes:
    """A small structured event, with some members changed."""
    return json.dumps(BARE | changed).encode()


# --- binary mode ----------------------------------------------------------------------------------


def test_headers_on_kafka_are_plain_text():
    assert to_headers(FULL, KAFKA_PREFIX) == {
        "ce_specversion": "1.0",
        "ce_id": "1",
        "ce_source": "/shop/payment",
        "ce_type": "com.example.paid.v1",
        "ce_subject": 'Ordér 7 "€" 100%',
        "ce_dataschema": "https://example.org/paid.json",
        "ce_time": "2026-01-02T03:04:05.678Z",
        "ce_procinstance": "7",
        "ce_note": "a,b\U0001f600~!",
        "content-type": "application/json; charset=utf-8",
    }


def test_headers_in_http_are_percent_encoded():
    headers = to_headers(FULL, HTTP_PREFIX, http=True)
    assert headers["ce-subject"] == "Ord%C3%A9r%207%20%22%E2%82%AC%22%20100%25"
    assert headers["ce-note"] == "a,b%F0%9F%98%80~!"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert all(value.isascii() for value in headers.values())


def test_what_is_not_given_is_no_header():
    event = CloudEvent("1", "/s", "t")
    assert to_headers(event, "ce-") == {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "t",
        "content-type": "application/json",
    }
    assert from_headers(to_headers(event, "ce-"), b"", "ce-") == event


@pytest.mark.parametrize("http", [True, False])
def test_headers_come_back(http: bool):
    prefix = HTTP_PREFIX if http else KAFKA_PREFIX
    headers = to_headers(FULL, prefix, http=http) | {"host": "example.org", "ce": "x", "xce-id": ""}
    assert from_headers(headers, FULL.data, prefix, http=http) == FULL


def test_http_names_have_no_case_and_values_may_be_quoted():
    headers = {
        "CE-SpecVersion": "1.0",
        "Ce-Id": '"a\\"b\\\\c d"',
        "CE-SOURCE": "/%e2%82%ac%E2%82%AC",
        "ce-type": "100%",
        "Content-Type": "text/plain",
    }
    event = from_headers(headers, b"x", HTTP_PREFIX, http=True)
    assert (event.id, event.source, event.type) == ('a"b\\c d', "/€€", "100%")
    assert (event.datacontenttype, event.data) == ("text/plain", b"x")


def test_the_content_type_may_stand_among_the_attributes():
    event = from_headers(kafka(datacontenttype="text/plain"), b"x", KAFKA_PREFIX)
    assert event.datacontenttype == "text/plain"
    both = kafka(datacontenttype="text/plain") | {"content-type": "text/plain"}
    assert from_headers(both, b"x", KAFKA_PREFIX) == event


def test_an_event_within_an_event_is_sent_structured():
    inner = CloudEvent("1", "/s", "t", datacontenttype="application/cloudevents+json", data=b"{}")
    with pytest.raises(InputError, match="`datacontenttype`"):
        to_headers(inner, HTTP_PREFIX)
    assert from_json(to_json(inner)) == inner


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (kafka(id=None), "id"),
        (kafka(source=None), "source"),
        (kafka(type=""), "type"),
        (kafka(specversion=None), "specversion"),
        (kafka(specversion="0.3"), "specversion"),
        (kafka(subject=""), "subject"),
        (kafka(trace=""), "trace"),
        (kafka(traceParent="x"), "traceParent"),
        (kafka(trace_parent="x"), "trace_parent"),
        ({**kafka(), "ce_": "x"}, ""),
        (kafka(data="x"), "data"),
        (kafka(émission="x"), "émission"),
        (kafka(time="yesterday"), "time"),
        (kafka(id="a\nb"), "id"),
        (kafka(subject="a\x7f"), "subject"),
        (kafka(trace="a\ud800"), "trace"),
        (kafka(trace="a\ufffe"), "trace"),
        (kafka(trace="\U0010ffff"), "trace"),
        (kafka(trace="\ufdd0"), "trace"),
        (kafka(source="a b"), "source"),
        (kafka(dataschema="<x>"), "dataschema"),
        (kafka() | {"content-type": "json"}, "datacontenttype"),
        (kafka() | {"content-type": "a/b\ud83d"}, "datacontenttype"),
        (kafka() | {"content-type": "application/cloudevents+json"}, "datacontenttype"),
        (kafka(datacontenttype="a/b") | {"content-type": "a/c"}, "datacontenttype"),
    ],
)
def test_headers_that_are_no_event_are_refused_by_name(headers: dict[str, str], name: str):
    with pytest.raises(InputError, match=f"attribute `{name}`") as refusal:
        from_headers(headers, b"", KAFKA_PREFIX)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("changed", "name"),
    [({"ce-id": "%ff"}, "id"), ({"ce-ID": "x", "Ce-id": "y"}, "id"), ({"ce-a-b": "x"}, "a-b")],
)
def test_http_headers_that_are_no_event_are_refused(changed: dict[str, str], name: str):
    headers = {HTTP_PREFIX + name: value for name, value in BARE.items()} | changed
    with pytest.raises(InputError, match=f"attribute `{name}`"):
        from_headers(headers, b"", HTTP_PREFIX, http=True)


def test_nothing_more_is_refused():
    for name in ("x" * 40, "0", "a1", "dataref", "database64"):
        assert from_headers(kafka(**{name: "1"}), b"", KAFKA_PREFIX).attributes == {name: "1"}
    check_event(CloudEvent("\ufffd ", "urn:a:ü?b=1&c=%20#d", "\u00a0", attributes={"a": " "}))


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (CloudEvent("", "/s", "t"), "id"),
        (CloudEvent("1", "/s", "t", attributes={"id": "2"}), "id"),
        (CloudEvent("1", "/s", "t", attributes={"specversion": "2"}), "specversion"),
        (CloudEvent("1", "/s", "t", attributes={"data": "2"}), "data"),
        (CloudEvent("1", "/s", "t", attributes={"procStep": "2"}), "procStep"),
        (CloudEvent("1", "/s", "t", attributes={"procstep": ""}), "procstep"),
        (CloudEvent("1", "/s", "t", time=1 << 60), "time"),
        (CloudEvent("1", "/s", "t", datacontenttype="text"), "datacontenttype"),
    ],
)
def test_what_may_not_travel_is_refused_before_it_does(event: CloudEvent, name: str):
    for write in (to_json, lambda event: to_headers(event, KAFKA_PREFIX)):
        with pytest.raises(InputError, match=f"attribute `{name}`"):
            write(event)


# --- structured mode ------------------------------------------------------------------------------


def test_json_data_stands_in_the_object():
    assert json.loads(to_json(FULL)) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop/payment",
        "type": "com.example.paid.v1",
        "subject": 'Ordér 7 "€" 100%',
        "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json; charset=utf-8",
        "dataschema": "https://example.org/paid.json",
        "procinstance": "7",
        "note": "a,b\U0001f600~!",
        "data": {"amount": 1.0},
    }
    assert from_json(to_json(FULL)) == FULL


def test_other_data_is_in_base64():
    event = CloudEvent("1", "/s", "t", datacontenttype="image/png", data=bytes(range(256)))
    assert json.loads(to_json(event))["data_base64"].startswith("AAECAwQF")
    assert from_json(to_json(event)) == event


def test_no_data_is_no_member():
    assert not json.loads(to_json(CloudEvent("1", "/s", "t"))).keys() & {"data", "data_base64"}
    assert from_json(body()) == CloudEvent("1", "/s", "t")


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": None}, b"null"),
        ({"data": "x"}, b'"x"'),
        ({"data": [1]}, b"[1]"),
        ({"data": "é\n", "datacontenttype": "text/plain"}, "é\n".encode()),
        ({"data": {"a": 1}, "datacontenttype": "text/plain"}, b'{"a": 1}'),
        ({"data": None, "datacontenttype": "text/plain"}, b""),
        ({"data": "1", "datacontenttype": "application/vnd.x+JSON"}, b'"1"'),
        ({"data_base64": "AP8="}, b"\x00\xff"),
        ({"data_base64": "AP8=", "datacontenttype": "text/plain"}, b"\x00\xff"),
        ({"data_base64": None}, b""),
    ],
)
def test_what_others_write_is_read(members: dict[str, Any], data: bytes):
    assert from_json(body(**members)).data == data


def test_json_data_keeps_its_writing():
    raw = b'{"b": 1e3,\n "a":[1.0, "\\u00e9"]}'
    assert from_json(to_json(CloudEvent("1", "/s", "t", data=b" " + raw + b"\n"))).data == raw


def test_attributes_of_other_types_become_text():
    event = from_json(body(a=True, b=False, c=-(2**31), d="1", e=None, subject=None))
    assert event.attributes == {"a": "true", "b": "false", "c": "-2147483648", "d": "1"}


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (body(id=5), "id"),
        (body(id=None), "id"),
        (body(time=5), "time"),
        (body(a=1.5), "a"),
        (body(a=2**31), "a"),
        (body(a={}), "a"),
        (body(a=""), "a"),
        (body(aB="x"), "aB"),
        (body(a="\x00"), "a"),
        (body(data=1, data_base64="AA=="), "data_base64"),
        (body(data_base64="A"), "data_base64"),
        (body(data_base64="A A="), "data_base64"),
        (body(data_base64="é"), "data_base64"),
        (body(data_base64=5), "data_base64"),
        (body(data_base64={}), "data_base64"),
        (body(specversion="1.1"), "specversion"),
        (body(datacontenttype=5), "datacontenttype"),
        (b'{"id": "\xff"}', "id"),
    ],
)
def test_json_that_is_no_event_is_refused_by_name(sent: bytes, name: str):
    with pytest.raises(InputError, match=f"attribute `{name}`") as refusal:
        from_json(sent)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "sent", [b"", b"[]", b"null", b"{", b'{"a":1}x', b'{"a":' + b"[" * 100_000, b"\xff"]
)
def test_what_is_no_object_is_refused(sent: bytes):
    with pytest.raises(InputError):
        from_json(sent)


def test_data_that_is_no_json_does_not_spoil_the_object():
    for data in (b"{", b"1,2", b'1, "id": "2"', b"\xff", b"[" * 100_000):
        with pytest.raises(InputError, match="attribute `data`"):
            to_json(CloudEvent("1", "/s", "t", data=data))


# --- both -----------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1)
_EVENTS = st.builds(
    CloudEvent,
    id=_TEXT,
    source=st.sampled_from(["/s", "urn:x:ü", "https://example.org/%20?a=b#c"]),
    type=_TEXT,
    subject=_TEXT | st.just(""),
    time=st.integers(-62_135_596_800_000, 253_402_300_799_999),
    datacontenttype=st.sampled_from(["application/json", "a/b+json;x=1", "image/png", "text/xml"]),
    attributes=st.dictionaries(st.from_regex(r"x[a-z0-9]{0,19}", fullmatch=True), _TEXT),
    data=st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    ).map(lambda value: json.dumps(value).encode()),
)


@given(_EVENTS)
def test_any_event_comes_back(event: CloudEvent):
    for prefix, http in ((KAFKA_PREFIX, False), (HTTP_PREFIX, True)):
        headers = to_headers(event, prefix, http=http)
        assert from_headers(headers, event.data, prefix, http=http) == event
    assert from_json(to_json(event)) == event


@pytest.mark.parametrize(
    ("content_type", "mode", "of_json"),
    [
        ("", "binary", True),
        ("application/json", "binary", True),
        ("text/json;charset=x", "binary", True),
        ("application/geo+json", "binary", True),
        ("application/jsonx", "binary", False),
        ("text/plain", "binary", False),
        ("Application/CloudEvents+JSON; charset=utf-8", "structured", True),
        ("application/cloudevents", "structured", False),
        ("application/cloudevents-batch+json", "batch", True),
    ],
)
def test_the_content_type_tells_the_mode(content_type: str, mode: str, of_json: bool):
    assert mode_of(content_type) == mode
    assert is_json(content_type) == of_json
