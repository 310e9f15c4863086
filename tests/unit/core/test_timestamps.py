"""Times come back from text as they were; what is no RFC 3339 time is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.core.model.timestamps import format_time, parse_time
from pavane.errors import InputError


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_any_time_comes_back(time_ms: int):
    assert parse_time(format_time(time_ms)) == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1500),
        ("1969-12-31T23:59:59.001Z", -999),
        ("1970-01-01T01:00:00.0019999+01:00", 1),
        ("1969-12-31T23:30:00-00:30", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
    ],
)
def test_times_are_read(text: str, time_ms: int):
    assert parse_time(text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:00Z",
        "2026-01-02T03:04:61Z",
        "2026-02-29T03:04:05Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+0100",
        "0000-01-01T00:00:00Z",
        "\uff12026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z\n",
    ],
)
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(InputError) as refusal:
        parse_time(text)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (5, "1970-01-01T00:00:00.005Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_767_323_045_000, "2026-01-02T03:04:05Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_written(time_ms: int, text: str):
    assert format_time(time_ms) == text


@pytest.mark.parametrize("time_ms", [253_402_300_800_000, -62_135_596_800_001, 1 << 80])
def test_a_time_that_has_no_year_is_refused(time_ms: int):
    with pytest.raises(InputError):
        format_time(time_ms)
