"""Loops for the screen: the iterations of a step together, however many there are."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console

from pavane.doors.cli.board import Board
from pavane.doors.cli.follow import end_line
from pavane.doors.cli.render import step_lines
from pavane.doors.cli.rounds import by_step, iterations, telling
from pavane.engine.views.shapes import ExecutionView, StepView


def step(ref: str, kind: str = "SIMPLE", status: str = "COMPLETED", **more: object) -> StepView:
    service = "shop" if kind == "SIMPLE" else ""
    view = StepView(ref=ref, task=ref, service=service, type=kind, status=status, attempts=1)
    return msgspec.structs.replace(view, **more)


LOOP = step("loop", "DO_WHILE", output=msgspec.Raw(b'{"iteration":3,"1":{"pack":{}}}'))
ROUNDS = [LOOP, *(step(f"pack__{n}") for n in (1, 2)), step("pack__3", status="IN_PROGRESS")]


def execution(steps: list[StepView]) -> ExecutionView:
    return ExecutionView(id="x", workflow="w", version=1, status="RUNNING", steps=steps)


def test_iterations_stand_together() -> None:
    shown = by_step(
        [*ROUNDS, step("last"), step("in__1__2"), step("undo:pack__1", undoes="pack__1")]
    )
    assert [*shown] == ["loop", "pack", "last", "in", "undo:pack__1"]
    assert [each.ref for each in shown["pack"]] == ["pack__1", "pack__2", "pack__3"]


def test_names_that_end_alike_are_left_alone_where_there_is_no_loop() -> None:
    assert [*by_step([step("ship__1"), step("ship__2")])] == ["ship__1", "ship__2"]


def test_a_table_has_one_column_for_all_iterations() -> None:
    console = Console(width=100)
    board = Board(console=console)
    board.show([execution(ROUNDS)])
    with console.capture() as caught:
        console.print(board.render())
    head, row = caught.get().splitlines()[:2]
    assert head.split() == ["execution", "pack", "status"]
    assert row.split()[2] == "×3"
    assert "✓×3 " not in end_line(execution(ROUNDS))
    assert "×3 " in end_line(execution(ROUNDS))


def test_a_loop_says_how_often_it_went_round() -> None:
    line, *others = map(click.unstyle, step_lines(ROUNDS))
    assert line.endswith("COMPLETED  3 iterations")
    assert not any("iteration" in each for each in others)
    assert iterations(step("loop", "DO_WHILE", output=msgspec.Raw(b"null"))) == 0


FAN = [
    step("all", "FORK_JOIN_DYNAMIC"),
    step("_pack_0", fork="all"),
    step("_pack_1", fork="all", status="IN_PROGRESS"),
    step("_pack_2", fork="all"),
]


def test_branches_of_a_fan_stand_together() -> None:
    shown = by_step([*FAN, step("last")])
    assert [*shown] == ["all", "all *", "last"]
    assert telling(shown["all *"]).ref == "_pack_1"
    assert telling([step("_pack_0", fork="all"), step("_pack_1", fork="all")]).ref == "_pack_1"
    assert "▸×3 " in end_line(execution(FAN))
