"""A task reaches one who waits, with its commit; what nobody took is looked for, and not lost."""

import asyncio

import pytest

from pavane.core.model.work import Assignment
from pavane.engine.places import Place, Places

pytestmark = pytest.mark.anyio


class World:
    """Places, with what they handed back."""

    def __init__(self) -> None:
        self.back: list[str] = []
        self.places = Places(lambda given: self.back.append(given.ref), lambda *_: None)

    def open(self, *tasks: str, worker: str = "w", free: int = 1) -> Place:
        place = self.places.place(tasks, worker, free)
        place.open()
        return place

    def commit(self, task: str, ref: str) -> str:
        """A task that is handed over in the commit that schedules it; who got it."""
        worker = self.places.reserve(task)
        if worker:
            self.places.run(assignment(task, ref, worker))
        else:
            self.places.wake(task)
        return worker


def assignment(task: str, ref: str, worker: str) -> Assignment:
    return Assignment("e", ref, 0, task, "s", "w", b"{}", f"e:{ref}", worker)


def refs(place: Place) -> list[str]:
    return [given.ref for given in place.given]


async def test_first_come_first_served_up_to_the_room_there_is():
    world = World()
    first, second = world.open("a", worker="1", free=2), world.open("b", "a", worker="2")
    assert [world.commit("a", ref) for ref in "xyz"] == ["1", "1", "2"]
    assert refs(first) == ["x", "y"] and refs(second) == ["z"]
    assert world.commit("a", "left") == ""


async def test_two_requests_of_one_worker_each_get_their_own():
    world = World()
    one, other = world.open("a"), world.open("a")
    for ref in "xy":
        world.commit("a", ref)
    assert refs(one) == ["x"] and refs(other) == ["y"]


async def test_what_is_given_back_makes_room_again():
    world = World()
    place = world.open("a")
    assert world.places.reserve("a") == "w" and world.places.reserve("a") == ""
    settling = asyncio.create_task(place.settled())
    await asyncio.sleep(0)
    assert not settling.done()
    world.places.give_back("a", "w")
    await settling
    place.open()
    assert world.commit("a", "x") == "w"


async def test_news_while_nobody_is_open_is_not_missed():
    world = World()
    place = world.places.place(("a",), "w", 1)
    assert world.commit("a", "x") == "", "it looks into the queues itself now"
    assert await place.wait(0) and place.news == "a"


async def test_where_something_waits_the_queue_decides_who_is_next():
    world = World()
    world.commit("a", "old")
    place = world.open("a")
    assert world.commit("a", "young") == "", "the old one was first"
    place.close()
    place.news = ""
    world.places.found_all(place)
    place.open()
    assert world.commit("a", "next") == "w"


async def test_news_for_one_who_leaves_goes_to_the_next():
    world = World()
    leaves, stays = world.places.place(("a",), "1", 1), world.places.place(("a",), "2", 1)
    world.places.wake("a")
    assert leaves.news and not stays.news
    world.places.leave(leaves)
    assert stays.news
    world.places.leave(stays)
    world.places.wake("a")  # nobody is there: nothing happens


async def test_who_finds_something_tells_the_next():
    world = World()
    finds, other = world.places.place(("a",), "1", 1), world.open("a", worker="2")
    world.places.found(finds)
    world.places.leave(finds)
    assert await other.wait(0) and other.news == "a"


async def test_what_was_given_to_one_who_hung_up_goes_back():
    world = World()
    place = world.open("a", free=2)
    world.commit("a", "had")
    assert world.places.reserve("a") == "w"
    world.places.leave(place, unheard=True)
    assert world.back == ["had"]
    world.places.run(assignment("a", "under way", "w"))
    assert world.back == ["had", "under way"]


async def test_nobody_waits_when_the_server_stops():
    world = World()
    waits = world.open("a")
    world.places.dismiss_all()
    assert waits.dismissed and await waits.wait(60)
    assert world.places.place(("a",), "late", 1).dismissed
