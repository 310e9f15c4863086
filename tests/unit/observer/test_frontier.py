"""Who holds an execution that does not go on, at which step, and why, in words."""

from __future__ import annotations

from typing import Any

from pavane.core.projection.message import child_execution
from pavane.observer.frontier import Stuck, frontier, stuck
from tests.unit.observer.story import START, Story

MINUTE = 60_000


def whys(story: Story) -> list[str]:
    return [each.why for each in frontier(story.picture(), story.id)]


def stuck_after(story: Story, ms: int, patience_ms: int = 5 * MINUTE) -> list[Stuck]:
    return stuck(story.picture(), START + ms, patience_ms)


def test_a_step_is_at_work():
    story = Story().home("RUNNING").step("payment", "charge_card", "FAILED")
    story.step("payment", "charge_card", "SCHEDULED", 1)
    why = "payment: charge_card is in its queue, attempt 2, since 2026-01-01 00:00:02 UTC"
    assert whys(story) == [why]
    story.step("payment", "charge_card", "IN_PROGRESS", 1)
    (held,) = frontier(story.picture(), "e1")
    assert held.why == "payment: charge_card is at work, attempt 2, since 2026-01-01 00:00:03 UTC"
    assert (held.role, held.step, held.execution) == ("payment", "charge_card", "e1")
    assert held.since == START + 3000
    assert stuck_after(story, MINUTE) == []
    (found,) = stuck_after(story, 6 * MINUTE)
    assert (found.id, found.status, found.held, found.why) == ("e1", "RUNNING", [held], held.why)


def test_a_step_waits_for_its_time():
    due = START + 10 * MINUTE
    story = Story().home("RUNNING")
    story.step("payment", "charge", "SCHEDULED", 1, due=due, reason="no line\n  File x")
    story.step("shipping", "rest", "IN_PROGRESS", type="WAIT", due=due)
    assert whys(story) == [
        "payment: charge waits until 2026-01-01 00:10:00 UTC, attempt 2: no line",
        "shipping: rest waits until 2026-01-01 00:10:00 UTC",
    ]
    assert stuck_after(story, 14 * MINUTE) == []
    assert len(stuck_after(story, 16 * MINUTE)[0].held) == 2


def test_a_wait_for_a_signal_is_never_overdue():
    story = Story().home("RUNNING").step("shipping", "ok", "IN_PROGRESS", type="WAIT")
    assert whys(story) == ["shipping: ok waits for a signal, since 2026-01-01 00:00:01 UTC"]
    assert stuck_after(story, 999 * MINUTE) == []


def test_a_wait_for_an_event_says_for_which():
    wait: Any = {"type": "WAIT", "input": {"event": "shop.order.paid.v1", "match": {"id": 1}}}
    story = Story().home("RUNNING").step("shipping", "paid", "IN_PROGRESS", **wait)
    story.step("shipping", "soon", "IN_PROGRESS", due=START + 10 * MINUTE, **wait)
    assert whys(story) == [
        "shipping: paid waits for the event shop.order.paid.v1, since 2026-01-01 00:00:01 UTC",
        "shipping: soon waits for the event shop.order.paid.v1, until 2026-01-01 00:10:00 UTC",
    ]
    assert len(stuck_after(story, 16 * MINUTE)[0].held) == 1


def test_a_role_says_why_it_does_not_go_on():
    story = Story().home("RUNNING")
    story.step("shipping", "ship", "SCHEDULED", holds="data of reserve_stock is not here")
    assert whys(story) == [
        "shipping: ship does not go on: data of reserve_stock is not here, "
        "since 2026-01-01 00:00:01 UTC"
    ]


def test_a_token_that_was_set_aside():
    story = Story().home("RUNNING")
    story.event(
        "shipping", "ship", "parked", "token-1", type="token", reason="definition ab unknown"
    )
    story.event("shipping", "ship", "received", "token-2", type="token")  # the step tells of it
    story.event("shipping", "", "quarantined", "x1", type="freeze", reason="no such scope")
    assert whys(story) == [
        "shipping parked the token for ship: definition ab unknown",
        "shipping quarantined freeze: no such scope",
    ]
    assert stuck_after(story, 6 * MINUTE)[0].status == "RUNNING"


def test_a_home_waits_for_others():
    story = Story().home("RUNNING").done("payment", "charge_card")
    story.home("COMPENSATING", waits_for=["shipping to freeze", "payment to freeze"])
    assert whys(story) == ["home inventory waits for shipping and payment to freeze"]
    story.home("COMPENSATING", waits_for=["undo of ship", "shipping", "payment"])
    assert whys(story) == ["home inventory waits for undo of ship, shipping and payment"]


def test_an_undo_gave_up():
    story = Story().home("RUNNING").done("payment", "charge_card")
    story.step("payment", "undo:charge_card", "FAILED", reason="ConnectionError: bank")
    why = "undo of charge_card gave up: ConnectionError: bank "
    why += "(pavane resolve e1 undo:charge_card retry|done|abandon)"
    assert whys(story) == [why]  # before its home knows
    story.home("NEEDS_ATTENTION", attention=["undo:charge_card"])
    assert whys(story) == [why]
    assert stuck_after(story, 6 * MINUTE)[0].status == "NEEDS_ATTENTION"
    story.step("payment", "undo:charge_card", "IN_PROGRESS", 1)
    assert whys(story)[0].startswith("payment: undo of charge_card is at work, attempt 2")


def test_a_home_knows_that_something_gave_up_before_its_role_was_heard():
    story = Story().home("NEEDS_ATTENTION", attention=["ship"], reason="no carrier")
    assert whys(story) == ["ship gave up: no carrier (pavane resolve e1 ship retry|done|abandon)"]
    story = Story().home("NEEDS_ATTENTION", reason="timed out behind its pivot")
    assert whys(story) == ["home inventory waits for a person: timed out behind its pivot"]


def test_a_scope_is_held_where_its_steps_are():
    pay = child_execution("e1", "pay", ())
    story = Story().home("RUNNING")
    story.step("payment", "pay", "IN_PROGRESS", type="SUB_WORKFLOW", child="pay")
    assert whys(story) == ["payment: pay is at work, since 2026-01-01 00:00:01 UTC"]
    story.home("RUNNING", "payment", scope="pay", parent_ref="pay")
    story.step("payment", "charge_card", "IN_PROGRESS", scope="pay")
    (held,) = frontier(story.picture(), "e1")
    assert (held.execution, held.step) == (pay, "charge_card")
    assert [each.id for each in stuck_after(story, 6 * MINUTE)] == ["e1"]  # told once
    story.home("COMPLETED", "payment", scope="pay", parent_ref="pay")
    assert whys(story)[0].startswith("payment: pay is at work")


def test_nobody_holds_it():
    story = Story().home("RUNNING").done("payment", "charge_card")
    assert whys(story) == []
    assert stuck_after(story, MINUTE) == []  # it may be on its way
    (found,) = stuck_after(story, 6 * MINUTE)
    assert found.held == []
    assert found.why == (
        "nobody is known to hold it since 2026-01-01 00:00:03 UTC: payment said charge_card "
        "COMPLETED, and what it sent is on its way or lost"
    )
    assert stuck_after(story.home("COMPLETED"), 6 * MINUTE) == []
    assert whys(story) == []


def test_a_deadline_that_its_home_missed():
    story = Story().home("RUNNING", deadline=START + MINUTE)
    story.step("payment", "charge_card", "IN_PROGRESS")
    assert stuck_after(story, MINUTE, 30_000)[0].held[0].role == "payment"
    (found,) = stuck_after(story, 7 * MINUTE)
    assert found.held[-1].why == (
        "home inventory has not ended it by its deadline, 2026-01-01 00:01:00 UTC"
    )


def test_a_flow_that_stands_still():
    story = Story("order-7").event("payment", "charge", "received", "o1")
    assert stuck_after(story, MINUTE) == []
    (found,) = stuck_after(story, 6 * MINUTE)
    assert (found.id, found.workflow) == ("order-7", "o")
    assert found.why == "payment is at work on o in charge, since 2026-01-01 00:00:00 UTC"


def test_notes_that_contradict_each_other_do_not_run_in_circles():
    step: dict[str, Any] = {"type": "SUB_WORKFLOW", "scope": "s", "child": "s"}
    assert whys(Story().step("payment", "s", "IN_PROGRESS", **step)) == []
    story = Story().home("RUNNING").step("payment", "s", "IN_PROGRESS", **step)
    story.step("payment", "s", "IN_PROGRESS", type="SUB_WORKFLOW", child="s")
    assert whys(story) == []


def test_a_time_beyond_all_calendars():
    story = Story().home("RUNNING").step("payment", "a", "SCHEDULED", due=10**20)
    assert whys(story) == [f"payment: a waits until {10**20} ms"]
