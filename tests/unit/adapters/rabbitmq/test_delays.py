"""Rests make up every delay: few of them, never too short, hardly too long."""

from hypothesis import given
from hypothesis import strategies as st

from pavane.adapters.rabbitmq.delays import LEVELS, UNIT_MS, next_rest, units

LONGEST_MS = UNIT_MS << LEVELS - 1


@given(st.integers(-5, 3 * LONGEST_MS))
def test_a_delay_is_made_of_few_rests(delay_ms: int):
    left = units(delay_ms)
    assert left * UNIT_MS >= delay_ms
    assert left * UNIT_MS <= max(delay_ms, 0) * 9 / 8 + UNIT_MS + delay_ms / 8
    rests: list[int] = []
    while left:
        rests.append(next_rest(left))
        left -= 1 << rests[-1]
    assert left == 0
    assert all(0 <= level < LEVELS for level in rests)
    assert len(rests) <= (3 if delay_ms <= LONGEST_MS else 9)
    assert bool(rests) == (delay_ms > 0)


def test_delays_as_they_are():
    assert [units(ms) * UNIT_MS for ms in (0, 1, 64, 65, 150, 1000, 60_000)] == [
        *(0, 64, 64, 128, 192, 1024, 65_536),
    ]
