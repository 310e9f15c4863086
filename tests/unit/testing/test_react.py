"""`pavane.testing.react`: hand-written dancers as a whole, in virtual time."""

from __future__ import annotations

import pytest

from pavane import Event, EventContext, Fail, Service
from pavane.errors import UsageError
from pavane.testing import after, react


class Rung(Event, type="test.bell.rung.v1"):
    times: int


class Opened(Event, type="test.door.opened.v1"):
    by: str


bell, door = Service("bell"), Service("door")


@door.on(Rung, retries=2)
async def open_door(ctx: EventContext, event: Rung) -> Opened | None:
    if event.times == 0:
        raise Fail("nobody is there")
    if event.times > ctx.attempt:
        raise ConnectionError("asleep")
    return Opened(by=f"attempt {ctx.attempt}")


@bell.on(Opened)
async def fall_silent(event: Opened) -> None: ...


def test_services_hear_and_tell():
    reacted = react([bell, door], Rung(times=1))
    assert reacted.types == ["test.bell.rung.v1", "test.door.opened.v1"]
    assert reacted.of(Opened) == [{"by": "attempt 1"}]
    assert reacted.dead == []


def test_what_fails_is_tried_again_and_given_up():
    reacted = react([bell, door], Rung(times=2), Rung(times=9), Rung(times=0))
    assert reacted.of(Opened) == [{"by": "attempt 2"}]
    assert sorted(reacted.dead) == [
        "door: ConnectionError: asleep (attempt 3)",
        "door: nobody is there",
    ]


def test_events_have_their_time_and_the_end_too():
    reacted = react([door], after(86_400, Rung(times=1)), Rung(times=1), limit="2d")
    first, opened, second, again = reacted.events
    assert (first.at_s, second.at_s) == (0.0, 86_400.0)
    assert opened.at_s < 1.0
    assert again.at_s >= 86_400.0
    assert len(react([door], after(86_400, Rung(times=1))).events) == 0


def test_the_same_seed_gives_the_same_run():
    given = (Rung(times=2), Rung(times=1))
    assert react([bell, door], *given, seed=4) == react([bell, door], *given, seed=4)


def test_what_is_no_event_is_refused():
    with pytest.raises(UsageError, match="7 is no event"):
        react([bell], 7)  # type: ignore[arg-type]  # that is the point
