"""Durations: what people write, and what a WAIT reads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.core.decide.step_types.wait import duration_ms
from pavane.errors import DefinitionError
from pavane.language.durations import conductor_duration, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10s", 10),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("2 days 3 hours", 183_600),
        ("1w", 604_800),
        ("1.5m", 90),
        ("250ms", 0.25),
        ("0.1s", 0.1),
        ("10S", 10),
        (0.5, 0.5),
        (3, 3),
        (timedelta(minutes=1, milliseconds=5), 60.005),
        ("0s", 0),
    ],
)
def test_a_duration_is_read(value: Any, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "10", "s", "-1s", "1x", "1h-2m", "ten", -1, float("nan"), float("inf"), True]
)
def test_anything_else_is_refused_with_a_way_out(value: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_duration(value)
    assert "10s" in caught.value.remedy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "1 minute 30 seconds"),
        (86_400, "1 day"),
        (183_661, "2 days 3 hours 1 minute 1 second"),
        (0.25, "0.25 seconds"),
        (60.5, "1 minute 0.5 seconds"),
    ],
)
def test_a_wait_reads_conductors_words(seconds: float, text: str) -> None:
    assert conductor_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10_000_000_000))
def test_the_engine_waits_as_long_as_was_written(milliseconds: int) -> None:
    assert duration_ms(conductor_duration(milliseconds / 1000)) == milliseconds
