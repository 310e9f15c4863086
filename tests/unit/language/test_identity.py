"""Harmless edits keep the content hash; edits that change what is done change it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

from pavane.core.model.workflow import content_hash

_count = itertools.count()

HEAD = """
from __future__ import annotations
from decimal import Decimal
from pavane.errors import Fail
from pavane.sdk.workflow import gather, scope, sleep, workflow
from tests.unit.language.shop import *
"""

PROGRAM = '''
@workflow
async def buy(order: Order) -> str:
    """Buy it."""
    fee = Decimal(0)
    await note_down("start")
    reserved = await reserve_stock(order)
    heavy = [line.sku for line in order.lines if line.qty > 2]
    if order.gift and len(heavy) > 1:
        fee = reserved.total * 2
        mark = "gift"
    else:
        mark = "plain"

    async def pack(times: int) -> Parcel:
        parcel = await ship(order)
        if parcel["weight"] > times:
            await sleep("1s")
        return parcel

    first, second = await gather(pack(1), score(order))
    async with scope("pay"):
        paid = await charge_card(order, fee + reserved.total)
        state = paid.status if mark == "gift" else mark
    points, tries = 0, 0
    for part in order.lines:
        if part.qty == 1:
            continue
        points = points + await score(order)
        while tries < points:
            tries += 1
            await note_down(part.sku)
    return f"{first['id']} {second} {state} {points}"
'''


def compiled(folder: Path, program: str) -> str:
    """The content hash of `buy` in a file of its own."""
    name = f"identity_{next(_count)}"
    file = folder / f"{name}.py"
    file.write_text(HEAD + program)
    loader = importlib.machinery.SourceFileLoader(name, str(file))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return content_hash(module.buy.definition)


HARMLESS = {
    "rename a step's result": [("reserved", "kept")],
    "rename a carried variable": [("mark", "label"), ("fee", "extra")],
    "rename the variable of a comprehension": [("line.", "row."), ("for line", "for row")],
    "rename a branch and its parameter": [("pack", "wrap"), ("times", "limit")],
    "rename what a scope gives out": [("state", "outcome"), ("paid", "payed")],
    "rename what loops hand on": [("points", "sum_up"), ("tries", "a_count"), ("part", "bit")],
    "assign what no later iteration reads": [
        ("tries += 1\n", "tries += 1\n            x = tries\n")
    ],
    "change the docstring": [("Buy it.", "Buy it now.\n\n    And more.")],
    "add comments and blank lines": [
        ("    fee = Decimal(0)\n", "    # nothing yet\n\n    fee = Decimal(0)  # free\n")
    ],
    "move it down": [("\n@workflow", "\n\n\nX = 1\n\n\n@workflow")],
    "name an expression": [
        ("if order.gift and len(heavy) > 1:", "many = len(heavy) > 1\n    if order.gift and many:")
    ],
    "annotate a variable": [("fee = Decimal(0)", "fee: Decimal = Decimal(0)")],
    "fold a constant": [("reserved.total * 2", "reserved.total * TWO"), ("\n@w", "\nTWO = 2\n@w")],
    "unpack later": [
        ("first, second = await gather", "both = await gather"),
        ("first['id']} {second}", "both[0]['id']} {both[1]}"),
    ],
    "assign an unused constant": [("    reserved =", "    unused = 1\n    reserved =")],
}

MEANINGFUL = {
    "another amount": [("* 2", "* 3")],
    "another task": [('note_down("start")', "score(order)")],
    "another order of steps": [("gather(pack(1), score(order))", "gather(score(order), pack(1))")],
    "another test": [("and len", "or len")],
    "another scope": [('"pay"', '"charge"')],
    "another text": [('"plain"', '"simple"')],
    "a step more": [("    async with", "    await score(order)\n    async with")],
    "another list": [("in order.lines:", "in order.lines[1:]:")],
    "another jump": [("continue", "break")],
    "another loop test": [("tries < points", "tries <= points")],
    "another value handed on": [("tries += 1", "tries += 2")],
    "an undo less": [("charge_card(order", "charge_card.with_options(retries=1)(order")],
}


def edited(edits: list[tuple[str, str]]) -> str:
    program = PROGRAM
    for before, after in edits:
        assert before in program, before
        program = program.replace(before, after)
    return program


@pytest.mark.parametrize("edit", HARMLESS)
def test_a_harmless_edit_keeps_the_hash(edit: str, tmp_path: Path) -> None:
    before = compiled(tmp_path, PROGRAM)
    assert compiled(tmp_path, edited(HARMLESS[edit])) == before


@pytest.mark.parametrize("edit", MEANINGFUL)
def test_a_meaningful_edit_changes_the_hash(edit: str, tmp_path: Path) -> None:
    before = compiled(tmp_path, PROGRAM)
    assert compiled(tmp_path, edited(MEANINGFUL[edit])) != before
