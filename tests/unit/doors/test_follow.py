"""What follows an observer for the screen: it looks at what has changed, never at all there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pavane.adapters.memory.bus import MemoryBus
from pavane.doors.cli.follow import Lines, follow_observer
from pavane.engine.views.shapes import ExecutionView
from pavane.observer.observer import Observer
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.observer.story import Story, outgoing

OLD = 50


class Seen(Lines):
    """Remembers, look by look, the ids and statuses that were to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[list[tuple[str, str]]] = []

    def show(self, views: Iterable[ExecutionView]) -> None:
        self.looks.append([(view.id, view.status) for view in views])


class SeenAtWork(Seen):
    """Wants to see also how they go."""

    def needs(self, status: str) -> bool:
        return True


def followed(screen: Seen) -> None:
    """Many that ended before, one that goes on, and that ends after a long time of nothing."""
    before = Story()
    for number in range(OLD):
        before.home("RUNNING", execution=f"old{number}").home(
            "COMPLETED", execution=f"old{number}", output={}
        )
    running = Story().home("RUNNING", execution="new")

    async def scene() -> None:
        bus = MemoryBus()
        await bus.open()
        observer = Observer(bus, VirtualClock())
        await observer.start()
        await bus.publish([outgoing(line) for line in before.told])
        await asyncio.sleep(1)
        following = asyncio.create_task(follow_observer(observer, screen))
        await asyncio.sleep(1)
        story = running.done("inventory", "reserve", execution="new")
        await bus.publish([outgoing(line) for line in story.told])
        await asyncio.sleep(1000)
        ended = story.home("COMPLETED", execution="new", output={})
        await bus.publish([outgoing(line) for line in ended.told])
        await asyncio.sleep(1)
        following.cancel()
        await observer.close()
        await bus.close()

    run(scene(), limit_s=10_000)


def test_it_looks_only_when_something_has_changed():
    screen = SeenAtWork()
    followed(screen)
    old, *later = screen.looks
    assert sorted(old) == sorted((f"old{number}", "COMPLETED") for number in range(OLD))
    assert later == [[("new", "RUNNING")], [("new", "COMPLETED")]]


def test_lines_are_shown_what_they_tell_of_and_nothing_else():
    screen = Seen()
    followed(screen)
    assert len(screen.looks[0]) == OLD
    assert [each for look in screen.looks[1:] for each in look] == [("new", "COMPLETED")]
