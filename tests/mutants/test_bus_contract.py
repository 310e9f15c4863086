"""The bus's contract suite fails for a bus that breaks a promise, by the test named for it."""

import re
from pathlib import Path

import pytest

import pavane.ports.bus
from pavane.adapters.memory.bus import MemoryBus
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import KEPT, ORDERED, BusContract
from pavane.testing.contracts.bus.harness import opened
from tests.mutants import buses

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (buses.Buffered, "test_durable_the_publisher_dies_at_once"),
    (buses.Buffered, "test_durable_everybody_dies"),
    (buses.DiesWithAll, "test_durable_everybody_dies"),
    (buses.AtMostOnce, "test_again_what_a_member_had_goes_to_another"),
    (buses.AtMostOnce, "test_again_after_a_connection_is_gone"),
    (buses.DiesUnheard, "test_again_after_a_connection_is_gone"),
    (buses.Overlooks, "test_again_to_a_member_that_waits_already"),
    (buses.DoneIsSoft, "test_again_not_what_is_done"),
    (buses.OnlyTheLiving, "test_again_while_the_group_has_no_member"),
    (buses.LosesCancelled, "test_again_a_take_that_was_cancelled_takes_nothing"),
    (buses.Deaf, "test_again_closing_ends_the_waiting"),
    (buses.EachForItself, "test_shared_by_the_members_of_a_group"),
    (buses.OneGroup, "test_shared_by_no_two_groups"),
    (buses.OneTopic, "test_shared_only_what_was_subscribed"),
    (buses.BusyFirst, "test_shared_no_topic_holds_up_another"),
    (buses.Tidies, "test_intact_every_attribute_and_byte"),
    (buses.TextOnly, "test_intact_every_attribute_and_byte"),
    (buses.TextOnly, "test_intact_when_it_comes_again"),
    (buses.Impatient, "test_delayed_not_before_its_time"),
    (buses.ImpatientWhenLeft, "test_delayed_outlives_the_member"),
    (buses.Uncounted, "test_delayed_counts_each_time"),
    (buses.Blocking, "test_delayed_does_not_hold_up_others"),
    (buses.Stubborn, "test_delayed_given_back_at_once_lets_others_pass"),
    (buses.Limitless, "test_bounded_by_the_limit"),
    (buses.Overloads, "test_bounded_by_the_capacity"),
    (buses.FullForGood, "test_bounded_by_the_capacity"),
    (buses.NewestFirst, "test_ordered_by_key"),
    (buses.KeysUnheld, "test_ordered_one_member_at_a_time"),
    (buses.LeftoversLast, "test_ordered_after_a_member_has_gone"),
    (buses.FromNowOn, "test_kept_for_groups_that_come_later"),
    (buses.FromNowOn, "test_kept_when_everybody_dies"),
    (buses.AllOverAgain, "test_kept_for_a_group_that_takes_a_further_topic"),
]


class Suite(BusContract):
    """The suite over any of these buses. Pytest does not collect it: its name says so."""

    features = frozenset({ORDERED, KEPT})
    patience_s = 0.3
    quiet_s = 0.03

    def __init__(self, build: type[MemoryBus]) -> None:
        self.build = build

    async def create(self, folder: Path) -> Bus:
        return self.build()

    async def another(self, bus: Bus) -> Bus:
        assert isinstance(bus, MemoryBus)
        return bus.another()

    async def die(self, bus: Bus) -> Bus:
        assert isinstance(bus, MemoryBus)
        return bus.crash()


async def run(build: type[MemoryBus], test: str, folder: Path) -> None:
    """One test of the suite over a bus of this kind."""
    suite = Suite(build)
    async with opened(await suite.create(folder)) as bus:
        await getattr(suite, test)(bus)


@pytest.mark.parametrize(
    ("broken", "test"), CAUGHT_BY, ids=[f"{broken.__name__}-{test}" for broken, test in CAUGHT_BY]
)
async def test_a_broken_bus_is_caught(broken: type[MemoryBus], test: str, tmp_path: Path):
    with pytest.raises((AssertionError, ValueError, TimeoutError)):
        await run(broken, test, tmp_path)


@pytest.mark.parametrize("test", sorted({test for _, test in CAUGHT_BY}))
async def test_and_it_is_the_breaking_that_is_caught(test: str, tmp_path: Path):
    await run(MemoryBus, test, tmp_path)


def test_each_promise_has_a_bus_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+)[: ]", pavane.ports.bus.__doc__ or "", re.MULTILINE)
    assert len(promises) == 8
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
    for broken, test in CAUGHT_BY:
        word = (broken.__doc__ or "").split(":")[0].split()[1]
        assert test.startswith(f"test_{word}_"), f"{broken.__name__} is caught by another promise"
