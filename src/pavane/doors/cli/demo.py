"""`pavane demo`: the shop's orders, carried out in one style or in all, then summed up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.main import DONE, FAILED
from pavane.doors.cli.options import json_option, style_option
from pavane.doors.wiring import Wiring
from pavane.errors import Fail, NotInstalledError, StoreBusyError, StoreError, UsageError

if TYPE_CHECKING:
    from pavane.doors.cli.demo_styles import Outcome
    from pavane.sdk.application.loading import App
    from pavane.sdk.task import Task

WORKFLOW = "fulfil_order"
STORE = Path(".pavane") / "demo.db"
STORE_URL = f"sqlite:///{STORE}"
ALL = ("orchestrated", "choreographed", "hybrid")


@click.command()
@style_option(ALL, everything=True)
@click.option("--orders", "count", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--fail", "step", metavar="STEP", help="Make this step fail for good in every order.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other orders.")
@click.option(
    "--processes", is_flag=True, help="Services as processes, of which one is killed on the way."
)
@json_option
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    style: str,
    count: int,
    step: str | None,
    seed: int,
    processes: bool,
    as_json: bool,
) -> int:
    """Run the shop: orders go through inventory, payment, shipping and notifications.

    Some cards are declined, some goods are sold out, some carriers fail twice and then work, some
    places no carrier goes to, and some banks lose the first refund request. The style `all` runs
    the same orders in each style and shows the outcomes side by side. Orchestrated orders stay in
    .pavane/demo.db until the next demo; dancers keep theirs in memory here. With --processes
    everything is for keeps, in a folder for each style.
    """
    import msgspec

    from pavane.doors.cli.demo_comparison import comparison_lines
    from pavane.doors.cli.demo_summary import as_data, summary_lines

    styles = ALL if style == "all" else (style,)
    if processes:
        return _over_processes(wiring, styles, count, step, seed, as_json=as_json)
    outcomes = {
        each: _outcome(wiring, each, count, step, seed, live=not as_json) for each in styles
    }
    what = f"seed {seed}" + (f", `{step}` made to fail" if step else "")
    if as_json:
        shown = {each: as_data(one.views, one.seconds) for each, one in outcomes.items()}
        click.echo(msgspec.json.encode({"styles": shown}))
    elif style == "all":
        click.echo("\n".join(comparison_lines(count, what, outcomes)))
    else:
        one = outcomes[style]
        title = f"{count} orders, {style}, {what}"
        click.echo("\n".join(summary_lines(title, one, STORE_URL)))
    unsettled = [v for one in outcomes.values() for v in one.views if not v.ended_at]
    return FAILED if unsettled else DONE


def _over_processes(
    wiring: Wiring,
    styles: tuple[str, ...],
    count: int,
    step: str | None,
    seed: int,
    *,
    as_json: bool,
) -> int:
    import asyncio

    import msgspec

    from pavane.doors.cli.demo_comparison import survival_lines
    from pavane.doors.cli.demo_processes import Survived, survive
    from pavane.doors.cli.demo_summary import as_data
    from pavane.sdk.application.loading import load_module

    if step:
        raise UsageError("--fail goes without --processes.", "Leave one of them out.")
    folder = shop_folder()
    load_module(str(folder / "shop.py"))
    orders = load_module(str(folder / "orders.py")).orders(count, seed)
    survived: dict[str, Survived] = {}
    for style in styles:
        app = folder / ("hybrid.py" if style == "hybrid" else "shop.py")
        survived[style] = asyncio.run(survive(wiring, app, style, orders))
    if as_json:
        shown = {each: as_data(one.views, one.seconds) for each, one in survived.items()}
        click.echo(msgspec.json.encode({"styles": shown}))
    else:
        click.echo("\n".join(survival_lines(count, seed, survived)))
    unsettled = [v for one in survived.values() for v in one.views if not v.ended_at]
    return FAILED if unsettled else DONE


def _outcome(
    wiring: Wiring, style: str, count: int, step: str | None, seed: int, *, live: bool
) -> Outcome:
    import asyncio

    from pavane.doors.cli.demo_styles import RUN
    from pavane.sdk.application.loading import load_app, load_module

    folder = shop_folder()
    shop = load_app(str(folder / "shop.py"))
    orders = load_module(str(folder / "orders.py")).orders(count, seed)
    if style == "hybrid":
        shop = load_app(str(folder / "hybrid.py"))
    if step:
        break_step(shop, step)
    if style != "choreographed":
        _fresh_store(wiring)
    store = "memory:" if style == "choreographed" else STORE_URL
    return asyncio.run(RUN[style](wiring, store, shop, orders, live=live))


def shop_folder() -> Path:
    """The example: inside the installed package, or in the clone that the package runs from."""
    package = Path(__file__).parents[2]
    for folder in (package / "examples" / "shop", package.parents[1] / "examples" / "shop"):
        if (folder / "shop.py").is_file():
            return folder
    raise NotInstalledError("The example shop is not installed.", "Install Pavane again.")


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
        for inner in step.inner:
            found += _work(inner)
        scope = step.sub_workflow_param and step.sub_workflow_param.workflow_definition
        if scope:
            found += _work(scope.tasks)
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
        raise StoreError(
            f"The demo cannot write to {STORE.parent}/ here: {error.strerror}.",
            "Run it in a folder where you may write.",
        ) from error
