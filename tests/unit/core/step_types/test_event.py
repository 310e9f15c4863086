"""EVENT: an event goes out, where there is a bus."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from tests.unit.core.build import of_type, workflow
from tests.unit.core.world import World

TYPE = "shop.order.created.v1"


def found(sink: str) -> list[str]:
    return check_workflow(workflow(of_type("EVENT", "e", {"order_id": "lute"}, sink=sink)))


def test_its_sink_names_a_type_of_events():
    assert found(f"event:{TYPE}") == []


@pytest.mark.parametrize(
    ("sink", "word"),
    [
        ("", "no `sink`"),
        ("conductor:other", "has the sink 'conductor:other'"),
        (TYPE, "write `event:`"),
        ("event:shop.order.created", "version"),
        ("event:shop.Order.created.v1", "'Order'"),
        ("event:v1", "too few parts"),
        ("event:${workflow.input.type}", "version"),
    ],
)
def test_what_its_sink_cannot_be(sink: str, word: str):
    (text,) = found(sink)
    assert word in text


def test_to_an_engine_it_is_a_task_of_whoever_publishes():
    tell = of_type("EVENT", "e", {"order_id": "${workflow.input.id}"}, sink=f"event:{TYPE}")
    run = World().start(workflow(tell), id=7)
    assert (run.row("e").name, run.open) == ("EVENT", {"e"})
    assert run.input("e") == {"event": TYPE, "data": {"order_id": 7}}
    for _ in range(100):  # the bus is away
        run.fail("e")
        run.world.pass_time(10)
    run.complete("e", event_produced=f"event:{TYPE}")
    assert run.status == "COMPLETED"
