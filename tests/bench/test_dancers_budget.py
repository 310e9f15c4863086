"""What a choreography costs, counted exactly: messages, bytes, commits, rows, hops. No clocks.

`python -m pytest tests/bench/test_dancers_budget.py -s` prints the figures.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest

from pavane.adapters.memory.bus import MemoryBus, size
from pavane.bootstrap.choreographed import Company, choreographies_of, dancing_services
from pavane.core.model.event import Outgoing
from pavane.core.projection.reading.hops import conducted_hops, danced_hops
from pavane.ports.bus import JOURNAL
from pavane.sdk.service import Service
from pavane.sdk.workflow import WorkflowFunction
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock
from tests.bench import chains

KB = "x" * 1000


class Cost(NamedTuple):
    """Of one execution: messages between roles with their bytes, and what the ledgers did."""

    messages: int
    sizes: list[int]
    notes: int
    commits: int
    rows: int
    status: str


class CountingBus(MemoryBus):
    """Remembers what was published."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Outgoing] = []

    async def publish(self, events: Any) -> None:
        self.sent += events
        await super().publish(events)


def cost_of(flow: WorkflowFunction[..., Any], services: list[Service], body: Any) -> Cost:
    """One execution alone, in virtual time."""

    async def main() -> Cost:
        bus, clock = CountingBus(), VirtualClock()
        async with dancing_services(
            bus, services=services, workflows=[flow], clock=clock
        ) as company:
            bus.sent.clear()  # what a process announces when it begins
            begun = _written(company)  # each service keeps the definition, once
            id = await company.requests.start(flow.name, msgspec.json.encode(body), key="1")
            view = await company.observer.wait(id, 60)
            return _cost(company, bus, view.status, begun)

    return loop.run(main())


def _written(company: Company) -> tuple[int, int]:
    """Commits of all ledgers, and their rows."""
    ledgers: Any = company.ledgers.values()
    rows = sum(sum(each.counters.rows.values()) for each in ledgers)
    return sum(each.counters.commits for each in ledgers), rows


def _cost(company: Company, bus: CountingBus, status: str, begun: tuple[int, int]) -> Cost:
    topics = Counter(each.topic == JOURNAL for each in bus.sent)
    commits, rows = _written(company)
    sizes = [size(each.event) for each in bus.sent if each.topic != JOURNAL]
    return Cost(topics[False], sizes, topics[True], commits - begun[0], rows - begun[1], status)


@pytest.mark.parametrize("length", [2, 5, 20])
def test_a_chain_costs_one_message_and_one_commit_a_step(length: int):
    flow, services = chains.chain(length, read_only=True)
    cost = cost_of(flow, services, {"x": KB})
    print(f"\nchain of {length}: {cost}")
    assert cost.status == "COMPLETED"
    assert cost.messages == 1 + length, "the start, and one for each step: the last says the end"
    assert cost.commits == length + 1, "one for each step, and one for the end"
    assert cost.notes == length + 1


@pytest.mark.parametrize("length", [2, 5, 20])
def test_an_effect_outside_costs_one_more_commit(length: int):
    """That it may have begun is written before it begins: after a crash nothing else knows it."""
    flow, services = chains.chain(length, read_only=False)
    cost = cost_of(flow, services, {"x": KB})
    assert cost.status == "COMPLETED"
    assert cost.messages == 1 + length
    assert cost.commits == 2 * length + 1


def test_no_message_grows_with_the_length_of_the_run():
    flow, services = chains.chain(20, read_only=True)
    start, *tokens, end = cost_of(flow, services, {"x": KB}).sizes
    print(f"\nbytes: start {start}, tokens {tokens[0]} to {max(tokens)}, end {end}")
    names = max(len(f"t{number}") - len("t0") for number in range(20))
    for token in tokens:
        # The same but for the names of steps and services, each of which stands in it a few times.
        assert abs(token - tokens[0]) <= 10 * names
    assert max(tokens) - 1000 < 700, "coordinates, beside the data"


@pytest.mark.parametrize("length", [1, 2, 5, 20])
def test_a_chain_of_dancers_needs_half_of_the_hops(length: int):
    flow, services = chains.chain(length, read_only=True)
    score = choreographies_of(services, [flow])[flow.name]
    assert conducted_hops(score) == 2 * length
    # From each to the next, and from the last to the home, which is the first one's.
    assert danced_hops(score) == (length if length > 1 else 0)


def test_a_fork_counts_its_longest_branch():
    flow, services = chains.forked()
    score = choreographies_of(services, [flow])[flow.name]
    assert conducted_hops(score) == 8
    assert danced_hops(score) == 4
    cost = cost_of(flow, services, {"x": KB})
    assert cost.messages == 7, "start, two into the fork, one inside, two to the join, the end"
