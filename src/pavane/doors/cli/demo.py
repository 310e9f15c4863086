"""`pavane demo`: the shop's orders, run on the embedded engine, then summed up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.main import DONE, FAILED
from pavane.doors.cli.options import json_option, style_option
from pavane.doors.wiring import Wiring
from pavane.errors import Fail, PavaneError, StoreBusyError, StoreError, UsageError

if TYPE_CHECKING:
    from pavane.doors.cli.app import App
    from pavane.engine.engine import Engine
    from pavane.engine.views.shapes import ExecutionView
    from pavane.sdk.task import Task

WORKFLOW = "fulfil_order"
STORE = Path(".pavane") / "demo.db"
STORE_URL = f"sqlite:///{STORE}"
PATIENCE_S = 300.0
ARRIVALS_S = 2.0  # how long orders come in, when somebody watches


@click.command()
@style_option
@click.option("--orders", "count", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--fail", "step", metavar="STEP", help="Make this step fail for good in every order.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other orders.")
@json_option
@click.pass_obj
def command(
    wiring: Wiring, *, style: str, count: int, step: str | None, seed: int, as_json: bool
) -> int:
    """Run the shop: orders go through inventory, payment, shipping and notifications.

    Some cards are declined, some goods are sold out, some carriers fail twice and then work, some
    places no carrier goes to, and some banks lose the first refund request. The executions stay in
    .pavane/demo.db until the next demo.
    """
    import asyncio

    import msgspec

    from pavane.doors.cli.app import load_app, load_module
    from pavane.doors.cli.demo_summary import as_data, summary_lines

    folder = shop_folder()
    shop = load_app(str(folder / "shop.py"))
    orders = load_module(str(folder / "orders.py")).orders(count, seed)
    if step:
        break_step(shop, step)
    _fresh_store(wiring)
    views, seconds = asyncio.run(_run(wiring, shop, orders, live=not as_json))
    if as_json:
        click.echo(msgspec.json.encode({"styles": {style: as_data(views, seconds)}}))
    else:
        what = f"{len(orders)} orders, {style}, seed {seed}"
        what += f", `{step}` made to fail" if step else ""
        click.echo("\n".join(summary_lines(what, views, seconds, STORE_URL)))
    unsettled = [view for view in views if not view.ended_at]
    return FAILED if unsettled else DONE


def shop_folder() -> Path:
    """The example: inside the installed package, or in the clone that the package runs from."""
    package = Path(__file__).parents[2]
    for folder in (package / "examples" / "shop", package.parents[1] / "examples" / "shop"):
        if (folder / "shop.py").is_file():
            return folder
    raise PavaneError("The example shop is not installed.", "Install Pavane again.")


def break_step(shop: App, wanted: str) -> None:
    """Make a step of the workflow fail for good; UsageError names the steps there are."""
    steps = {step.ref: step.name for step in _work(shop.workflows[WORKFLOW].definition.tasks)}
    name = wanted if wanted in steps.values() else steps.get(wanted)
    task = next((t for s in shop.services.values() for t in s.tasks if t.name == name), None)
    if task is None:
        raise UsageError(f"There is no step '{wanted}'.", f"One of {', '.join(steps)}.")
    _break(task, f"`{wanted}` was made to fail")


def _break(task: Task[..., Any], reason: str) -> None:
    _ = task.contract  # read from the function that is about to be replaced

    async def fails(*_args: Any, **_kwargs: Any) -> None:
        raise Fail(reason)

    def fails_in_a_thread(*_args: Any, **_kwargs: Any) -> None:
        raise Fail(reason)

    task.function = fails if task.shape.is_async else fails_in_a_thread


def _work(steps: Any) -> list[Any]:
    """The steps that services do, in the order of the source."""
    found: list[Any] = []
    for step in steps:
        if step.type == "SIMPLE":
            found.append(step)
        for inner in (*step.decision_cases.values(), step.default_case, *step.fork_tasks):
            found += _work(inner)
    return found


def _fresh_store(wiring: Wiring) -> None:
    """Remove the last demo's store, unless a demo is just running on it."""
    import asyncio

    async def is_free() -> None:
        store = wiring.open_store(STORE_URL)
        try:
            await store.open()
        except StoreBusyError:
            raise
        except StoreError:
            return  # not one that we can read: it goes
        await store.close()

    try:
        STORE.parent.mkdir(exist_ok=True)
        if STORE.exists():
            asyncio.run(is_free())
        for each in STORE.parent.glob(f"{STORE.name}*"):
            each.unlink()
    except OSError as error:
        raise PavaneError(
            f"The demo cannot write to {STORE.parent}/ here: {error.strerror}.",
            "Run it in a folder where you may write.",
        ) from error


async def _run(
    wiring: Wiring, shop: App, orders: list[Any], *, live: bool
) -> tuple[list[ExecutionView], float]:
    """All orders started, waited for and read back; and the seconds from first to last."""
    import sys
    import time

    from pavane.engine.views.reader import Reader

    paced = live and sys.stdout.isatty()
    async with wiring.running_engine(
        STORE_URL, services=list(shop.services.values()), workflows=list(shop.workflows.values())
    ) as engine:
        began = time.perf_counter()
        if paced:
            ids = await _watched(engine, orders)
        else:
            ids = await _started(engine, orders, 0)
            await _ended(engine, ids)
        seconds = time.perf_counter() - began
        return await Reader(engine.store).several(ids), seconds


async def _watched(engine: Engine, orders: list[Any]) -> list[str]:
    import asyncio

    from pavane.doors.cli.board import Board
    from pavane.doors.cli.follow import TICK_S, follow

    following = asyncio.ensure_future(follow(engine, Board(len(orders))))
    try:
        ids = await _started(engine, orders, ARRIVALS_S / len(orders))
        await _ended(engine, ids)
        await asyncio.sleep(3 * TICK_S)  # the last changes want to be seen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return ids


async def _started(engine: Engine, orders: list[Any], between_s: float) -> list[str]:
    import asyncio

    import msgspec

    starting: list[Any] = []
    for order in orders:
        body = msgspec.json.encode({"order": order})
        start = engine.start_execution(WORKFLOW, body, key=f"order-{order.id}")
        starting.append(asyncio.ensure_future(start))
        await asyncio.sleep(between_s)
    return list(await asyncio.gather(*starting))


async def _ended(engine: Engine, ids: list[str]) -> None:
    import asyncio

    await asyncio.gather(*(engine.wait(each, PATIENCE_S) for each in ids))
