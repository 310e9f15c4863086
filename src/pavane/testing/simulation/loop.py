"""An asyncio event loop whose time jumps to the next timer as soon as nothing else is to do.

Everything runs in one thread and nothing waits, so the same program with the same seed takes the
same course every time. What could not be repeated is refused (the network, other threads) or done
in place (executors).
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, TypeVar

from pavane.errors import PavaneError

T = TypeVar("T")

_BUSY_ROUNDS = 1_000_000
_GRACE_S = 3600.0  # virtual: it costs nothing
_DEFAULT_LIMIT_S = 100 * 365 * 86_400.0


class DeadlockError(PavaneError):
    """In virtual time nothing is left that could happen, or nothing ever gets done."""

    code = "deadlock"


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. With `shuffle`, callbacks that are ready together run in an order from the seed.

    DeadlockError ends the run when everybody waits and no timer is set, when time passes
    `limit_s`, or when a million rounds pass without time passing.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(
        self, seed: int = 0, *, shuffle: bool = False, limit_s: float = _DEFAULT_LIMIT_S
    ) -> None:
        super().__init__()
        self._clock_resolution = 1e-9
        self._selector = _Jump(self)
        self._time_s = 0.0
        self._limit_s = limit_s
        self._rounds = 0
        self._thread = threading.get_ident()
        self._refused = False
        self.seed = seed
        self.chance = random.Random(seed)
        self._order = random.Random(f"order {seed}") if shuffle else None

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._time_s

    def advance(self, timeout: float | None) -> None:
        """What asyncio takes for a wait for I/O: go to the next timer."""
        if timeout is None:
            raise DeadlockError(f"Everybody waits and no timer is set.{self._waiting()}")
        if timeout > 0:
            self._time_s = self._scheduled[0].when()
            self._rounds = 0
            if self._time_s > self._limit_s:
                raise DeadlockError(f"{self._limit_s:g} s have passed.{self._waiting()}")
        else:
            self._rounds += 1
            if self._rounds > _BUSY_ROUNDS:
                raise DeadlockError(f"A busy loop: time does not pass.{self._waiting()}")
        if self._order is not None and len(self._ready) > 1:
            handles = list(self._ready)
            self._order.shuffle(handles)
            self._ready.clear()
            self._ready.extend(handles)

    def give_grace(self) -> None:
        """Room for what is cancelled to end, after the limit was passed or time stood still."""
        self._limit_s = self._time_s + _GRACE_S
        self._rounds = 0

    def _waiting(self) -> str:
        places = sorted(_place(task) for task in asyncio.all_tasks(self))
        hint = "\n  Another thread called into this loop and was refused." if self._refused else ""
        return hint + "".join(f"\n  waiting: {place}" for place in places)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call the function on this thread, one round later; the executor is not used."""
        future: asyncio.Future[T] = self.create_future()
        self.call_soon(_call_into, future, func, args)
        return future

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """As call_soon; RuntimeError from another thread, whose pace no seed could repeat."""
        if threading.get_ident() != self._thread:
            self._refused = True
            raise RuntimeError(
                "Another thread called into a loop with virtual time; use run_in_executor, which "
                "runs in place."
            )
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: object) -> None:
        """There are no events from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""

    async def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        """No network and no processes: their pace could not be repeated."""
        raise RuntimeError("Virtual time has no network and no processes; use a simulated one.")

    getaddrinfo = getnameinfo = create_connection = create_server = _refuse
    create_datagram_endpoint = subprocess_exec = subprocess_shell = _refuse


class _Jump:
    """Stands where the base class expects a selector."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.advance(timeout)
        return []


def run(
    main: Coroutine[Any, Any, T],
    *,
    seed: int = 0,
    shuffle: bool = False,
    limit_s: float = _DEFAULT_LIMIT_S,
) -> T:
    """Run a coroutine in virtual time, as asyncio.run does in real time.

    An error that leaves it carries a note with the seed that repeats it.
    """
    loop = VirtualLoop(seed, shuffle=shuffle, limit_s=limit_s)
    runner = asyncio.Runner(loop_factory=lambda: loop)
    try:
        result = runner.run(main)
    except BaseException as error:
        error.add_note(f"virtual time: seed={seed}{', shuffled' if shuffle else ''}")
        loop.give_grace()
        with suppress(DeadlockError):  # what does not even end when it is cancelled
            runner.close()
        raise
    runner.close()
    return result


def _call_into(future: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    if future.cancelled():
        return
    try:
        future.set_result(func(*args))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # an executor hands every error to its caller
        future.set_exception(error)


def _place(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    where = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "its start"
    return f"{task.get_name()} at {where}"
