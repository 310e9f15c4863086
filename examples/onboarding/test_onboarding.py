"""How to test a process that takes weeks: in virtual time, with people and events as answers."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dancers
import hybrid
import pytest
from dancers import (
    AccountMade,
    AccountRemoved,
    ColleagueHired,
    EquipmentReady,
    HiringGivenUp,
    NightFell,
    PapersComplete,
    PapersLate,
)
from nightly import nightly
from onboarding import (
    REMINDERS,
    SOLD_OUT,
    Account,
    Approval,
    Arrival,
    Badge,
    Colleague,
    Folder,
    Laptop,
    PapersSigned,
    make_account,
    make_badge,
    order_laptop,
    send_papers,
    take_in,
)

from pavane import Fail
from pavane.testing import HANG, Play, Reacted, after, in_turn, play, react

DAY = 86_400  # seconds
ANNA = Colleague(
    id="7",
    name="Anna Magdalena",
    lead="Johann",
    laptop="a small one",
    first_day=datetime(2026, 2, 2, 9, tzinfo=UTC),  # a play begins with the year 2026
)
SIGNED = PapersSigned(colleague="7", folder="F-7")

# What the tasks answer, and under the names of their steps an event and a person.
GOES_WELL: dict[Any, Any] = {
    make_account: Account("anna.magdalena"),
    send_papers: Folder("F-7"),
    order_laptop: Laptop("L-7"),
    make_badge: Badge("B-7"),
    "wait_for_papers_signed": after(2 * DAY, SIGNED),
    "approve": after(1 * DAY, Approval(approved=True, by="Johann")),
}


@pytest.fixture(params=["orchestrated", "choreographed", "hybrid"])
def taken_in(request: pytest.FixtureRequest) -> Callable[..., Play]:
    """Plays the process in a style, with what is different this time."""

    def taken_in(changes: dict[Any, Any], colleague: Colleague = ANNA) -> Play:
        flow = hybrid.take_in if request.param == "hybrid" else take_in
        style = "choreographed" if request.param == "choreographed" else "orchestrated"
        return play(flow, {"colleague": colleague}, style=style, results=GOES_WELL | changes)

    return taken_in


def test_a_task_is_a_function():
    assert asyncio.run(make_account(ANNA)).login == "anna.magdalena"
    with pytest.raises(Fail, match="nobody sells"):
        asyncio.run(order_laptop(replace(ANNA, laptop=SOLD_OUT)))


def test_a_colleague_is_taken_in_on_the_first_day(taken_in: Callable[..., Play]):
    played = taken_in({})
    assert played.output == Arrival("anna.magdalena", laptop="L-7", badge="B-7", reminders=0)
    (waited,) = [step for step in played.steps if step.ref == "until"]
    assert waited.ended_at == ANNA.first_day.timestamp() * 1000


def test_who_has_not_signed_is_reminded(taken_in: Callable[..., Play]):
    """Nothing comes in the first two rounds, each of three days."""
    played = taken_in({"wait_for_papers_signed": in_turn(HANG, HANG, after(DAY, SIGNED))})
    assert played.output.reminders == 2


def test_after_the_last_reminder_all_is_undone(taken_in: Callable[..., Play]):
    played = taken_in({"wait_for_papers_signed": HANG})
    assert (played.status, played.reason) == ("COMPENSATED", "the papers were not signed")
    reminded = [step for step in played.steps if step.task == "remind"]
    assert len(reminded) == REMINDERS
    assert played.effects == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"approve": HANG}, "nobody approved in time"),
        ({"approve": Approval(approved=False, by="Johann")}, "Johann did not approve"),
        ({"approve": Fail("she is not known here")}, "approve: she is not known here"),
        ({order_laptop: Fail("nobody sells it")}, "order_laptop: nobody sells it"),
    ],
)
def test_what_goes_wrong_undoes_what_was_done(
    taken_in: Callable[..., Play], change: dict[Any, Any], reason: str
):
    played = taken_in(change)
    assert played.status == "COMPENSATED"
    assert played.reason.endswith(reason)
    assert played.effects == []


# --- without a workflow -------------------------------------------------------------------------

ALL = [dancers.people, dancers.accounts, dancers.office]
HIRED_AT = datetime(2026, 1, 7, 9, tzinfo=UTC)
HIRED = ColleagueHired(colleague=ANNA, at=HIRED_AT)


def night(number: int) -> Any:
    """The so many-eth night behind the hiring, at two o'clock."""
    at = HIRED_AT.replace(hour=2) + timedelta(days=number)
    return after((at - HIRED_AT).total_seconds(), NightFell(at=at))


def danced(*events: Any, hired: ColleagueHired = HIRED) -> Reacted:
    """What the services make of it within a month: their databases begin empty."""
    return react(ALL, hired, *events, *map(night, range(1, 20)), limit="30d")


def test_dancers_equip_who_has_signed():
    told = danced(after(2 * DAY, SIGNED), after(5 * DAY, SIGNED))  # who signs twice signs once
    assert [each["login"] for each in told.of(AccountMade)] == ["anna.magdalena"]
    assert told.of(EquipmentReady) == [{"colleague": "7", "laptop": "L-7", "badge": "B-7"}]
    assert told.of(PapersLate) == told.of(HiringGivenUp) == []
    assert told.dead == []


def test_dancers_remind_when_night_falls():
    told = danced(after(8 * DAY, SIGNED))
    assert [each["reminder"] for each in told.of(PapersLate)] == [1, 2]
    at = [each.at_s / DAY for each in told.events if each.type == PapersLate.__event_type__]
    assert [round(days) for days in at] == [4, 7]  # the first night behind three days, and so on
    assert len(told.of(PapersComplete)) == 1


def test_dancers_give_up_after_the_last_reminder():
    told = danced(after(20 * DAY, SIGNED))  # too late
    assert len(told.of(PapersLate)) == REMINDERS
    assert told.of(HiringGivenUp) == [{"colleague": "7", "why": "the papers were not signed"}]
    assert told.of(AccountRemoved) == [{"colleague": "7"}]
    assert told.of(PapersComplete) == []


def test_dancers_take_back_the_account_when_there_is_no_laptop():
    odd = ColleagueHired(colleague=replace(ANNA, laptop=SOLD_OUT), at=HIRED_AT)
    told = danced(after(DAY, SIGNED), hired=odd)
    assert told.of(EquipmentReady) == []
    assert told.of(AccountRemoved) == [{"colleague": "7"}]


def test_whoever_gives_up_first_leaves_no_account():
    """Events are heard in any order."""
    told = react([dancers.accounts], HiringGivenUp(colleague="7", why="no"), after(1, HIRED))
    assert told.of(AccountMade) == []


def test_every_night_the_dancers_are_told():
    told = play(nightly, {"at": HIRED_AT}, results={})
    assert (told.status, len(told.steps)) == ("COMPLETED", 1)
    schedule = nightly.definition.schedule
    assert schedule
    assert (schedule.every, schedule.zone) == ("0 0 2 * * *", "Europe/Zurich")
