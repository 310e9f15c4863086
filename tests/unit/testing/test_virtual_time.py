"""Virtual time: jumps, repeats itself, and says when nothing can happen any more."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pavane.testing.simulation.clock import START_MS, VirtualClock
from pavane.testing.simulation.loop import DeadlockError, run


def test_a_day_passes_at_once() -> None:
    async def main() -> tuple[int, int]:
        clock = VirtualClock()
        before = clock.now()
        await asyncio.sleep(86_400)
        return before, clock.now()

    began = time.monotonic()
    before, after = run(main())
    assert (before, after) == (START_MS, START_MS + 86_400_000)
    assert time.monotonic() - began < 5


def test_timers_fire_in_order_of_time() -> None:
    async def main() -> list[float]:
        fired: list[float] = []

        async def wait(delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            fired.append(delay_s)

        await asyncio.gather(*(wait(delay_s) for delay_s in (3, 0.1, 2, 0.2)))
        assert asyncio.get_running_loop().time() == 3
        return fired

    assert run(main()) == [0.1, 0.2, 2, 3]


def test_a_deadlock_is_told_with_its_place() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(
        DeadlockError, match=r"no timer is set(.|\n)*test_virtual_time\.py"
    ) as caught:
        run(main(), seed=7)
    assert "seed=7" in "".join(caught.value.__notes__)


def test_a_busy_loop_is_told() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110  # the fault under test
            await asyncio.sleep(0)

    with pytest.raises(DeadlockError, match="busy loop"):
        run(main())


def test_time_has_a_limit() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110  # the fault under test
            await asyncio.sleep(1)

    with pytest.raises(DeadlockError, match="60 s have passed"):
        run(main(), limit_s=60)


def test_timeouts_work() -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await asyncio.sleep(6)

    with pytest.raises(TimeoutError):
        run(main())


def test_executors_run_in_place() -> None:
    async def main() -> tuple[int, int]:
        inside = await asyncio.to_thread(threading.get_ident)
        with pytest.raises(ZeroDivisionError):
            await asyncio.get_running_loop().run_in_executor(None, lambda: 1 // 0)
        return inside, threading.get_ident()

    inside, here = run(main())
    assert inside == here


def test_other_threads_are_refused() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        refusals: list[str] = []

        def call_in() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except RuntimeError as error:
                refusals.append(str(error))

        thread = threading.Thread(target=call_in)
        thread.start()
        thread.join()
        return refusals

    assert "Another thread" in run(main())[0]


def test_the_network_is_refused() -> None:
    async def main() -> None:
        await asyncio.open_connection("localhost", 1)

    with pytest.raises(RuntimeError, match="no network"):
        run(main())


def _finishing_order(seed: int, *, shuffle: bool) -> list[int]:
    async def main() -> list[int]:
        order: list[int] = []

        async def work(number: int) -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            order.append(number)

        await asyncio.gather(*map(work, range(12)))
        return order

    return run(main(), seed=seed, shuffle=shuffle)


def test_shuffling_repeats_with_its_seed() -> None:
    orders = [_finishing_order(seed, shuffle=True) for seed in (1, 1, 2)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert _finishing_order(1, shuffle=False) == list(range(12))


def test_the_clock_may_be_set_back() -> None:
    async def main() -> int:
        clock = VirtualClock()
        clock.step(-5000)
        await asyncio.sleep(2)
        return clock.now()

    assert run(main()) == START_MS - 3000
