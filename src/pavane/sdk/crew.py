"""Places to work: how many attempts run at once, and for which tasks others wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pavane.ports.caller import Caller
from pavane.sdk.calls.posts import RAW, work_of
from pavane.sdk.parameters import Shape
from pavane.sdk.service import Service
from pavane.sdk.task import Task
from pavane.sdk.threads import DaemonThreads


class Places:
    """A number of places, some of them taken."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0


class Crew:
    """The tasks of a service that share the same places: each attempt takes one of every kind.

    Async tasks take a place of the service; sync ones also a thread; a task with `concurrency` is
    a crew of its own.
    """

    __slots__ = (
        "crowded",
        "fetching",
        "places",
        "posts",
        "service",
        "siblings",
        "threads",
        "waiting",
    )

    def __init__(
        self,
        service: str,
        places: tuple[Places, ...],
        threads: DaemonThreads,
        siblings: list[Crew],
    ) -> None:
        self.service = service
        self.places = places
        self.threads = threads
        self.waiting: dict[str, None] = {}  # tasks that the engine has and nobody took, in turn
        self.fetching = False
        self.crowded = False  # the last poll brought as many as there were places
        self.posts: dict[str, Post] = {}
        self.siblings = siblings  # the crews of the service, this one among them
        siblings.append(self)

    @property
    def free(self) -> int:
        """How many attempts could start now."""
        return min(each.limit - each.taken for each in self.places)

    def take(self, count: int = 1) -> bool:
        """Take places for so many attempts, or none at all."""
        for each in self.places:
            if each.taken + count > each.limit:
                return False
        for each in self.places:
            each.taken += count
        return True

    def give(self, count: int = 1) -> None:
        """Give places back."""
        for each in self.places:
            each.taken -= count


class Door(Protocol):
    """What checks the input and the result of a task; `Contract` is one."""

    def arguments(
        self, body: bytes, context: object, database: object = None, *, undoing: bool = False
    ) -> tuple[list[Any], dict[str, Any]]: ...
    def result(self, value: object) -> bytes: ...


class Post:
    """Where one task is done: its function, its contract, and its crew.

    `calls`: the work goes on elsewhere when it is cut off here. `shape`: of its function, where it
    has one.
    """

    __slots__ = (
        "call",
        "calls",
        "contract",
        "crew",
        "is_async",
        "name",
        "read_only",
        "shape",
        "wants_context",
        "wants_database",
    )

    def __init__(
        self,
        name: str,
        call: Callable[..., Any],
        crew: Crew,
        contract: Door = RAW,
        *,
        shape: Shape | None = None,
        read_only: bool = False,
        calls: bool = False,
    ) -> None:
        self.name = name
        self.call = call
        self.contract = contract
        self.shape = shape
        self.is_async = shape is None or shape.is_async
        self.wants_context = shape is None or bool(shape.context)
        self.wants_database = shape is not None and bool(shape.database)
        self.read_only = read_only
        self.calls = calls
        self.crew = crew


def post_of(task: Task[..., object], crew: Crew, caller: Caller | None) -> Post:
    """Where a task is done: here by its function, or by calling its service."""
    if task.call is not None and caller is not None:
        work = work_of(task.definition, caller, task.contract)
        return Post(task.name, work, crew, calls=True)
    return Post(
        task.name,
        task.function,
        crew,
        task.contract,
        shape=task.shape,
        read_only=task.policy.read_only,
    )


def crew_of_calls(service: str, limit: int) -> Crew:
    """A crew for tasks that are known by their definitions only."""
    return Crew(service, (Places(limit),), DaemonThreads(1, service), [])


def posts_of(
    services: Iterable[Service], concurrency: int | None, caller: Caller | None = None
) -> dict[str, Post]:
    """A post for each task by its name; `concurrency` replaces what the services say.

    Tasks that are calls have one only where there is a caller.
    """
    posts: dict[str, Post] = {}
    for service in services:
        places = Places(concurrency or service.concurrency)
        threads = Places(service.threads)
        pool = DaemonThreads(service.threads, service.name)
        crews: list[Crew] = []
        of_async = Crew(service.name, (places,), pool, crews)
        of_sync = Crew(service.name, (places, threads), pool, crews)
        for task in service.tasks:
            if task.call is not None and caller is None:
                continue
            called = task.call is not None
            crew = of_async if called or task.shape.is_async else of_sync
            if task.policy.concurrency is not None:
                own = Places(task.policy.concurrency)
                crew = Crew(service.name, (*crew.places, own), pool, crews)
            posts[task.name] = crew.posts[task.name] = post_of(task, crew, caller)
    return posts
