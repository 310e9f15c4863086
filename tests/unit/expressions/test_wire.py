"""to_wire: what JSON can hold, and the refusal of the rest."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavane.core.expressions.wire import to_wire
from pavane.errors import ExpressionError


class Colour(enum.Enum):
    RED = "red"
    TWO = 2
    WHEN = date(2024, 1, 1)


WRITTEN = [
    (None, None),
    (True, True),
    (3, 3),
    (2.5, 2.5),
    ("a", "a"),
    (Decimal("1.50"), "1.50"),
    (date(2024, 5, 31), "2024-05-31"),
    (datetime(2024, 5, 31, 10, tzinfo=UTC), "2024-05-31T10:00:00Z"),
    (datetime(2024, 5, 31, 10), "2024-05-31T10:00:00"),  # without an offset on purpose
    (time(10, 30), "10:30:00"),
    (timedelta(days=1, hours=2), "P1DT7200S"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ((1, (2,)), [1, [2]]),
    (range(3), [0, 1, 2]),
    ({"b", "a", 1}, [1, "a", "b"]),
    (frozenset({2, 1}), [1, 2]),
    (Colour.RED, "red"),
    (Colour.TWO, 2),
    (Colour.WHEN, "2024-01-01"),
    ({"a": (Decimal("1"),)}, {"a": ["1"]}),
    ({1: "a", Decimal("2.0"): "b", Colour.RED: "c"}, {"1": "a", "2.0": "b", "red": "c"}),
]


@pytest.mark.parametrize(("value", "written"), WRITTEN)
def test_values_are_written(value: Any, written: Any) -> None:
    found = to_wire(value)
    assert found == written
    assert type(found) is type(written)
    assert msgspec.json.decode(msgspec.json.encode(found)) == written


REFUSED = [
    (float("nan"), "nan has no place in JSON", "Test for it before"),
    ([float("inf")], "inf has no place in JSON", "Test for it before"),
    ({"a": Decimal("NaN")}, "NaN has no place in JSON", "Test for it before"),
    (Decimal("-Infinity"), "-Infinity has no place in JSON", "Test for it before"),
    (object(), "a value of type object has no place in JSON", "Give texts, numbers"),
    (b"x", "a value of type bytes has no place in JSON", "Give texts, numbers"),
    ({None: 1}, "None cannot be a key in JSON", "Use a text"),
    ({True: 1}, "True cannot be a key in JSON", "Use a text"),
    ({(1, 2): 1}, "(1, 2) cannot be a key in JSON", "Use a text"),
    ({1: "a", "1": "b"}, "two keys that are both written '1'", "Use texts as keys"),
]


@pytest.mark.parametrize(("value", "message", "remedy"), REFUSED)
def test_the_rest_is_refused(value: Any, message: str, remedy: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        to_wire(value)
    assert message in refused.value.message
    assert remedy in refused.value.remedy


def test_a_value_inside_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ExpressionError, match="200 levels"):
        to_wire(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_what_is_json_already_stays(value: Any) -> None:
    assert to_wire(value) == value
