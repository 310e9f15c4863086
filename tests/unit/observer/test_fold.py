"""The same notes give the same picture, whatever their order and however often they come."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.core.model.journal import Note
from pavane.observer.fold import Picture
from pavane.observer.frontier import frontier, stuck
from pavane.observer.views import Views
from pavane.ports.store import Search
from tests.unit.observer.story import Line, Story, heard, jumbled

SEEDS = st.integers(0, 2**32)
ROLES = ["inventory", "payment", "shipping"]
TASKS = ["SCHEDULED", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELED"]
WHOLES = ["RUNNING", "COMPENSATING", "NEEDS_ATTENTION", "COMPENSATED", "COMPLETED"]
EVENTS = ["received", "done", "retrying", "parked", "quarantined", "dead"]


def drawn(chance: random.Random) -> list[Line]:
    """Notes about a few things, each told of by one role, with no regard to what makes sense."""
    story = Story()
    for _ in range(chance.randrange(1, 40)):
        story.id = chance.choice(["e1", "e2"])
        loop = chance.choice([(), (1,), (2,)])
        scope = chance.choice([{}, {"scope": "s", "generation": loop, "parent_ref": "s"}])
        kind = chance.random()
        if kind < 0.3:
            waiting = chance.sample(["undo:a", "b"], chance.randrange(3))
            story.home(chance.choice(WHOLES), attention=waiting, **scope)
        elif kind < 0.8:
            ref = chance.choice(["a", "undo:a", "b", "s"])
            scope.pop("parent_ref", None)
            at = (*scope.get("generation", ()), *chance.choice([(), (1,), (2,)]))
            more = {"child": "s", "type": "SUB_WORKFLOW"} if ref == "s" else {}
            status, attempt = chance.choice(TASKS), chance.randrange(3)
            role = ROLES[sum(map(ord, ref)) % 3]
            story.step(role, ref, status, attempt, at=at, **scope, **more)
        else:
            message, handler = chance.choice(["p1", "q1", "q2"]), chance.choice(["h", "k", ""])
            emits = chance.sample(["q1", "q2", "r1"], chance.randrange(3))
            status = chance.choice(EVENTS)
            story.event("payment", handler, status, message, emits=emits, attempt=0)
    return story.told


def everything(picture: Picture) -> bytes:
    """All that can be seen in a picture."""
    views = Views(picture)
    ids = [*picture.instances, *(id for id in picture.flows if id not in picture.instances)]
    seen = [(views.execution(id), frontier(picture, id)) for id in sorted(ids)]
    late = stuck(picture, 2 * 10**12, 1)
    return msgspec.json.encode([seen, late, views.executions(Search(limit=1000))])


@given(SEEDS)
def test_order_and_repetition_do_not_matter(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    lines = drawn(chance)
    straight = heard(lines)
    for _ in range(3):
        other = heard(jumbled(lines, chance))
        assert other == straight
        assert everything(other) == everything(straight)


@given(SEEDS)
def test_what_is_heard_again_is_no_news(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    picture = Picture()
    lines = jumbled(drawn(chance), chance)
    for line in lines:
        picture.take(*line)
    assert not any(picture.take(*line) for line in lines)


class LastHeard(Picture):
    """Wrong: what was heard last counts as the newest."""

    def take(self, source: str, position: int, note: Note) -> tuple[str, ...]:
        self.heard = getattr(self, "heard", 0) + 1
        return super().take(source, self.heard, note)


class FirstHeard(Picture):
    """Wrong: a second note about the same thing is taken for a duplicate."""

    def take(self, source: str, position: int, note: Note) -> tuple[str, ...]:
        thing = str(getattr(note, "ref", getattr(note, "status", ""))) + str(
            getattr(note, "attempt", "")
        )
        self.heard = getattr(self, "heard", set()) | {thing}
        return super().take(source, -len(self.heard), note)


@pytest.mark.parametrize("wrong", [LastHeard, FirstHeard])
def test_the_property_can_fail(wrong: type[Picture]) -> None:
    class Loose(wrong, dict=True):  # room for what the wrong ones remember
        pass

    def sees_it(seed: int) -> bool:
        chance = random.Random(seed)
        lines, pictures = drawn(chance), [Loose(), Loose()]
        for picture, order in zip(pictures, (lines, jumbled(lines, chance)), strict=True):
            for line in order:
                picture.take(*line)
        return everything(pictures[0]) != everything(pictures[1])

    assert any(sees_it(seed) for seed in range(50))


def test_an_older_note_only_fills_in_what_came_before() -> None:
    story = Story().step("payment", "charge_card", "FAILED", reason="no line")
    story.step("payment", "charge_card", "SCHEDULED", 1).step(
        "payment", "charge_card", "COMPLETED", 1
    )
    failed, scheduled, completed = story.told
    picture = Picture()
    assert picture.take(*completed) == ("e1",)
    assert Views(picture).execution("e1").steps[0].earlier == []
    assert picture.take(*failed) == ("e1",)
    (step,) = Views(picture).execution("e1").steps
    assert (step.status, step.attempts) == ("COMPLETED", 2)
    assert [each.reason for each in step.earlier] == ["no line"]
    assert picture.take(*scheduled) == ("e1",)  # its time is news
    assert picture.take(*scheduled) == ()


def test_a_note_of_a_scope_is_news_of_its_execution() -> None:
    story = Story().step("payment", "charge", "SCHEDULED", scope="pay", generation=(2,), at=(2,))
    (line,) = story.told
    changed = Picture().take(*line)
    assert len(changed) == 2
    assert changed[1] == "e1"


def test_what_is_forgotten_is_gone_with_its_scopes() -> None:
    story = Story().home("RUNNING").home("RUNNING", scope="s").event("shop", "h", "done", "p1")
    picture = story.picture()
    picture.forget("e1")
    assert picture.instances == {}
    assert picture.flows == {}
    assert picture.scopes == {}
