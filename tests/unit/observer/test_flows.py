"""Hand-written choreographies: messages `o…` are placed orders, `p…` payments, and so on."""

from __future__ import annotations

from pavane.observer.flows import Edge, edges
from pavane.observer.frontier import frontier
from pavane.ports.store import Search
from tests.unit.observer.story import START, Story


def paid() -> Story:
    """An order was placed, and payment has reacted."""
    story = Story("order-7").event("payment", "charge", "received", "o1")
    return story.event("payment", "charge", "done", "o1", emits=["p1"])


def status(story: Story) -> str:
    return story.views().execution(story.id).status


def whys(story: Story) -> list[str]:
    return [each.why for each in frontier(story.picture(), story.id)]


def test_a_flow_is_over_when_everything_was_handled_by_all_who_are_known_to():
    story = paid()
    assert status(story) == "COMPLETED"  # nobody is known who wants payments
    other = Story("order-6").event("shipping", "ship", "done", "p0")
    story.told += other.told
    assert status(story) == "RUNNING"
    assert whys(story) == ["shipping: ship has not got p, sent 2026-01-01 00:00:01 UTC"]
    steps = story.views().execution("order-7").steps
    assert [(step.ref, step.service, step.status) for step in steps] == [
        ("charge", "payment", "COMPLETED"),
        ("ship", "shipping", "SCHEDULED"),
    ]
    story.event("shipping", "ship", "done", "p1", causation="o1")
    view = story.views().execution("order-7")
    assert (view.status, view.workflow, view.correlation_id) == ("COMPLETED", "o", "order-7")
    assert (view.created_at, view.ended_at) == (START, START + 2000)


def test_tries_are_attempts():
    story = Story("order-7")
    story.event("payment", "charge", "received", "o1")
    story.event("payment", "charge", "retrying", "o1", reason="no line")
    assert status(story) == "RUNNING"
    (step,) = story.views().execution("order-7").steps
    assert (step.status, step.attempts, step.earlier[0].reason) == ("SCHEDULED", 2, "no line")
    assert whys(story) == [
        "payment tries o again in charge, since 2026-01-01 00:00:01 UTC: no line"
    ]
    story.event("payment", "charge", "received", "o1", attempt=1)
    (step,) = story.views().execution("order-7").steps
    assert (step.status, step.attempts) == ("IN_PROGRESS", 2)
    story.event("payment", "charge", "done", "o1", attempt=1)
    (step,) = story.views().execution("order-7").steps
    assert [(each.status, each.reason) for each in step.earlier] == [("FAILED", "no line")]
    assert (status(story), step.status) == ("COMPLETED", "COMPLETED")


def test_what_is_dead_needs_attention_until_it_is_done_after_all():
    story = paid().event("shipping", "ship", "dead", "p1", attempt=4, reason="no carrier")
    view = story.views().execution("order-7")
    assert (view.status, view.reason, view.failed_ref) == ("NEEDS_ATTENTION", "no carrier", "ship")
    assert [(each.ref, each.task, each.reason) for each in view.attention] == [
        ("ship", "p", "no carrier")
    ]
    assert whys(story) == ["shipping gave up on p in ship: no carrier"]
    story.event("shipping", "ship", "done", "p1")  # a redrive counts from the start
    view = story.views().execution("order-7")
    assert (view.status, view.steps[1].status, view.attention) == ("COMPLETED", "COMPLETED", [])
    assert [each.status for each in view.steps[1].earlier] == ["FAILED"]


def test_what_is_parked_or_impossible():
    story = paid().event("shipping", "ship", "parked", "p1", reason="no order p1 yet")
    assert status(story) == "RUNNING"
    assert whys(story) == ["shipping parked p in ship: no order p1 yet"]
    story.event("shipping", "", "quarantined", "x1", reason="unknown type")
    view = story.views().execution("order-7")
    assert (view.status, view.failed_ref) == ("NEEDS_ATTENTION", "x")
    assert whys(story)[1] == "shipping quarantined x: unknown type"


def test_a_handler_that_handles_twice_is_two_steps():
    story = Story("order-7")
    for message in ("p2", "p1"):
        story.event("shipping", "ship", "done", message)
    story.event("billing", "ship", "done", "p1")
    story.event("billing", "ship", "done", "p2")
    refs = [(step.ref, step.service) for step in story.views().execution("order-7").steps]
    assert refs == [
        ("ship", "shipping"),
        ("ship__2", "shipping"),
        ("ship__3", "billing"),
        ("ship__4", "billing"),
    ]


def test_which_message_led_to_which():
    story = Story("order-7").event("shop", "", "done", "", emits=["o1"])
    story.told += paid().told
    story.event("shipping", "ship", "done", "p1", causation="o1")  # told already, by payment
    story.event("crm", "thank", "done", "q1", causation="p1")  # its sender tells nothing
    assert edges(story.picture(), story.picture().flows["order-7"]) == [
        Edge("", "o1", "o"),
        Edge("o1", "p1", "p", "charge"),
        Edge("p1", "q1", "q", inferred=True),
    ]
    assert story.views().execution("order-7").workflow == "o"
    refs = [step.ref for step in story.views().execution("order-7").steps]
    assert refs == ["charge", "ship", "thank"]  # what was only published is no step


def test_handlers_beside_a_declared_execution_are_not_a_second_one():
    story = Story().home("RUNNING").event("crm", "thank", "done", "p1")
    assert [line.workflow for line in story.views().executions(Search())] == ["fulfil_order"]
