"""Events with only one end."""

from __future__ import annotations

from pavane.core.check.projectable import heard_by, orphans, told_by
from pavane.core.model.workflow import StartedBy
from tests.unit.core.build import of_type, scope, task, workflow


def test_events_that_nobody_handles_or_emits():
    emits = {"shop.paid.v1": {"payment"}, "shop.lost.v1": {"shipping", "inventory"}}
    handles = {"shop.paid.v1": {"shipping"}, "crm.created.v3": {"payment"}}
    assert list(orphans(emits, handles)) == [
        "Event 'shop.lost.v1' is emitted by inventory and shipping and handled by nobody; let a "
        "service handle it, or leave it out.",
        "Event 'crm.created.v3' is handled by payment and emitted by nobody here; let a service "
        "emit it, unless it comes from outside.",
    ]


def test_a_slip_of_the_pen():
    texts = list(orphans({"shop.order.created.v1": ["shop"]}, {"shop.order.creatd.v1": ["mail"]}))
    assert texts[0].endswith("did you mean 'shop.order.creatd.v1'?")
    assert texts[1].endswith("did you mean 'shop.order.created.v1'?")


def test_both_ends_are_there():
    assert list(orphans({"a": ["x"]}, {"a": ["y", "z"]})) == []
    assert list(orphans({}, {})) == []
    assert list(orphans({"a": []}, {})) == []


def test_what_a_workflow_tells_and_hears():
    found = workflow(
        task("a"),
        of_type("EVENT", "tell", sink="event:shop.order.priced.v1"),
        scope("s", of_type("WAIT", "paid", {"event": "shop.paid.v1", "match": {"id": 1}})),
        of_type("WAIT", "night", {"duration": "8h"}),
        name="buy",
        started_by=StartedBy("shop.order.created.v1"),
    )
    assert list(told_by(found)) == [("shop.order.priced.v1", "buy.tell")]
    assert list(heard_by(found)) == [("shop.order.created.v1", "buy"), ("shop.paid.v1", "buy.paid")]
