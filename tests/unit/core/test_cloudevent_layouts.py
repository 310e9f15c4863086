"""The quick way to read headers says what the careful one says, or leaves it to that."""

import random

import pytest

from pavane.core.model import cloudevent_layouts
from pavane.core.model.cloudevent_layouts import read_ordinary
from pavane.core.model.cloudevents import CONTENT_TYPE, KAFKA_PREFIX, from_attributes, to_headers
from pavane.core.model.event import CloudEvent
from pavane.errors import InputError

NAMES = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "dataschema",
    "x",
    "partitionkey",
]
ODD_NAMES = ["data", "datacontenttype", "Upper", "with-dash", "", "é"]
VALUES = {
    "specversion": ["1.0", "1.0", "1.0", "0.3", ""],
    "source": ["/shop", "urn:shop", "a b", "<x>", ""],
    "time": ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:60.1Z",
             "2026-01-02T03:04:05.67812Z", "2026-01-02T03:04:05+02:00", "2026-13-02T03:04:05.678Z",
             "2026-01-02T03:04:05.6\u0663\u0663Z", "yesterday", "2026-01-02t03:04:05.678Z"],
    "dataschema": ["http://x/y", "a b"],
}  # fmt: skip
OTHER_VALUES = ["7", "order 7", "é", "tab\there", "line\nbreak", "\x7f", "", "\ufdd0", "a" * 300]
CONTENT_TYPES = ["application/json", "text/plain; charset=utf-8", " application/json", "nothing",
                 "application/cloudevents+json", "application/json\t", ""]  # fmt: skip


def drawn(chance: random.Random) -> list[tuple[str, bytes]]:
    """Headers that are mostly in order."""
    odd = chance.random() < 0.2
    names = [name for name in NAMES if chance.random() < (0.85 if odd else 0.97)]
    if odd:
        names.append(chance.choice([*ODD_NAMES, *NAMES]))
    chance.shuffle(names)
    found: list[tuple[str, bytes]] = []
    for name in names:
        values = VALUES.get(name, OTHER_VALUES)
        value = chance.choice(values) if chance.random() < 0.2 else values[0]
        found.append((KAFKA_PREFIX + name, value.encode()))
    if chance.random() < 0.8:
        content_type = chance.choice(CONTENT_TYPES) if chance.random() < 0.2 else CONTENT_TYPES[0]
        found.append((CONTENT_TYPE, content_type.encode()))
    return found


def carefully(headers: list[tuple[str, bytes]]) -> CloudEvent:
    bare = {name.removeprefix(KAFKA_PREFIX): value.decode() for name, value in headers}
    content_type = bare.pop(CONTENT_TYPE, "")
    return from_attributes(bare, content_type, b"{}")


def test_what_is_read_quickly_is_what_is_read_carefully():
    chance = random.Random(7)
    quick = careful = 0
    for _ in range(20_000):
        headers = drawn(chance)
        names, values = zip(*headers, strict=True)
        found = read_ordinary(names, values, KAFKA_PREFIX, b"{}")
        if found is None:
            careful += 1
            continue
        assert len(set(names)) == len(names)
        assert found == carefully(headers), headers
        quick += 1
    assert quick > 3000
    assert careful > 2000


def test_our_own_events_are_read_quickly():
    event = CloudEvent(
        id="7", source="/shop", type="a.b.v1", time=1_767_323_045_678, attributes={"x": "1"}
    )
    for each in (event, CloudEvent(id="8", source="urn:s", type="a.b.v1", subject="order 8")):
        headers = {name: text.encode() for name, text in to_headers(each, KAFKA_PREFIX).items()}
        read = read_ordinary(tuple(headers), list(headers.values()), KAFKA_PREFIX, b"")
        assert read == each


@pytest.mark.parametrize("values", [[None] * 4, ["1.0", "a", "b", "c"]])
def test_values_that_are_no_bytes_are_left_to_the_careful_way(values: list[str | None]):
    names = tuple(KAFKA_PREFIX + name for name in ("specversion", "id", "source", "type"))
    assert read_ordinary(names, values, KAFKA_PREFIX, b"") is None


def test_what_is_remembered_is_bounded():
    remembered = cloudevent_layouts._layout.cache_info
    assert remembered().maxsize == 256
    before = remembered().currsize
    long = tuple(f"{KAFKA_PREFIX}{'n' * 40}{number}" for number in range(30))
    assert read_ordinary(long, [b"1"] * 30, KAFKA_PREFIX, b"") is None
    many = tuple(f"{KAFKA_PREFIX}n{number}" for number in range(40))
    assert read_ordinary(many, [b"1"] * 40, KAFKA_PREFIX, b"") is None
    assert remembered().currsize == before
    with pytest.raises(InputError):
        carefully([(name, b"1") for name in many])
