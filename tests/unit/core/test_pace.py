"""Rates: what begins within any time, against a list of all beginnings."""

import random

import pytest

from pavane.core.model.pace import Pace, Rate, rate_of
from pavane.core.model.task_definition import TaskDefinition


def test_a_rate_by_the_fields_of_a_task_definition():
    assert rate_of(TaskDefinition()) is None
    assert rate_of(TaskDefinition(rate_limit_per_frequency=5)) == Rate(5, 1000)
    slow = TaskDefinition(rate_limit_per_frequency=5, rate_limit_frequency_in_seconds=60)
    assert rate_of(slow) == Rate(5, 60_000)
    none = TaskDefinition(rate_limit_per_frequency=5, rate_limit_frequency_in_seconds=0)
    assert rate_of(none) == Rate(5, 1000)


@pytest.mark.parametrize("many", [1, 3, 100, 1000])
def test_never_more_in_any_time_and_hardly_fewer(many: int):
    chance = random.Random(many)
    rate, pace, now = Rate(many, 1000), Pace(), 5_000
    begun: list[int] = []
    for _ in range(4000):
        now += chance.choice((0, 0, 0, 1, 7, 300 // many))
        room = pace.room(rate, now)
        lately = sum(at > now - rate.within_ms for at in begun)
        assert lately + room <= many
        if many <= 100:
            assert room == many - lately
        if room:
            pace.note(rate, now)
            begun.append(now)
        else:
            assert now < pace.free_at(rate) <= now + rate.within_ms
            now = chance.choice((now, pace.free_at(rate)))
        pace = Pace.of(pace.body())
        assert len(pace.body()) < 4000
    assert len(begun) > many, "it filled its time, and went on"
    spent_s = (now - 5_000) / 1000
    assert len(begun) <= many * (spent_s + 1)


def test_what_did_not_begin_does_not_count():
    rate, pace = Rate(2, 1000), Pace()
    pace.note(rate, 10)
    pace.note(rate, 20)
    assert (pace.room(rate, 30), pace.free_at(rate)) == (0, 1010)
    pace.forget()
    assert pace.room(rate, 30) == 1
    pace.forget()
    pace.forget()
    assert pace.room(rate, 30) == 2


def test_a_clock_that_is_set_back_stops_nothing_for_longer_than_the_time():
    rate, pace = Rate(1, 1000), Pace()
    pace.note(rate, 1_000_000)
    assert (pace.room(rate, 50), pace.free_at(rate)) == (0, 1050)
    assert pace.room(rate, 1050) == 1


def test_a_rate_that_became_smaller_waits_until_enough_is_over():
    pace = Pace()
    for at in (10, 20, 30):
        pace.note(Rate(3, 1000), at)
    smaller = Rate(1, 1000)
    assert (pace.room(smaller, 40), pace.free_at(smaller)) == (0, 1030)
