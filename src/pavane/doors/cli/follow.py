"""Follows an engine in this process: which executions changed, shown as they go."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import click

from pavane.core.model.status import ENDED
from pavane.doors.cli.render import MARKS, first_line, status_text
from pavane.doors.cli.rounds import by_step, telling
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.errors import StoreError

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.observer.observer import Observer

TICK_S = 0.1
MOST_AT_ONCE = 500  # executions read for the screen in one tick; the rest comes with their end


class Display(Protocol):
    """Somewhere to show executions."""

    def __enter__(self) -> Display: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def needs(self, status: str) -> bool:
        """Whether executions of this status matter to it at all."""
        ...

    def show(self, views: Iterable[ExecutionView]) -> None:
        """These have changed."""
        ...


class Lines:
    """For logs and pipes: one line when an execution ends or needs somebody."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def needs(self, status: str) -> bool:
        """Only what has ended or needs somebody."""
        return status in ENDED or status == "NEEDS_ATTENTION"

    def show(self, views: Iterable[ExecutionView]) -> None:
        """Tell of each end once."""
        for view in views:
            if self.needs(view.status):
                if self._told.get(view.id) != view.status:
                    click.echo(end_line(view))
                self._told[view.id] = view.status
                if len(self._told) > MOST_AT_ONCE * 20:
                    self._told.pop(next(iter(self._told)))


def end_line(view: ExecutionView) -> str:
    """An execution that has ended, in one line."""
    seconds = (view.ended_at - view.created_at) / 1000 if view.ended_at else 0
    steps = "".join(_mark(each) for each in by_step(view.steps).values() if not each[-1].undoes)
    reason = f"  {first_line(view.reason)}" if view.reason else ""
    status = status_text(view.status)
    return f"{view.id}  {view.workflow}  {status}  {steps}  {seconds:.1f} s{reason}"


def _mark(iterations: Sequence[StepView]) -> str:
    mark = MARKS.get(telling(iterations).status, "?")
    return f"{mark}×{len(iterations)} " if len(iterations) > 1 else mark


def display(total: int | None = None) -> Display:
    """A live table where the output is a terminal, else lines."""
    if sys.stdout.isatty():
        from pavane.doors.cli.board import Board

        return Board(total)
    return Lines()


async def follow(engine: Engine, screen: Display | None = None) -> None:
    """Show every change until cancelled."""
    reader = Reader(engine.store)
    with screen or display() as shown, engine.subscribe() as changes:
        while True:
            ids = sorted(await changes.get(), reverse=True)[:MOST_AT_ONCE]
            with suppress(StoreError):  # what cannot be read now shows with its next change
                shown.show(await reader.several(ids))
            await asyncio.sleep(TICK_S)


async def follow_observer(observer: Observer, screen: Display) -> None:
    """Show what the journals tell, tick by tick, until cancelled.

    What was told before comes first. Then only changes are looked at: a look at all that is known
    would take the longer, tick by tick, the more there is.
    """
    with screen as shown, observer.subscribe() as changes:
        ids = [each.id for each in observer.executions()[:MOST_AT_ONCE]]
        while True:
            for start in range(0, len(ids), MOST_AT_ONCE):
                shown.show(_needed(observer, shown, ids[start : start + MOST_AT_ONCE]))
                await asyncio.sleep(TICK_S)
            ids = list(await changes.get())


def _needed(observer: Observer, screen: Display, ids: Sequence[str]) -> list[ExecutionView]:
    views = observer.views
    found = views.several([each for each in ids if screen.needs(views.status(each))])
    return [each for each in found if each.status]  # others were cancelled before they began
