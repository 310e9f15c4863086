"""The main test: a workflow run as ordinary Python and its definition come to the same end."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pavane.core.expressions.template import compile_template
from pavane.errors import Fail, StepFailed
from pavane.language.contract import RESULT, is_none, is_object
from pavane.sdk.workflow import WorkflowFunction, as_plain_python
from tests.unit.language import display_programs as displays
from tests.unit.language import fan_programs as fans
from tests.unit.language import loop_programs as loops
from tests.unit.language import match_programs as matches
from tests.unit.language import programs as p
from tests.unit.language import race_programs as races
from tests.unit.language import try_programs as tries
from tests.unit.language.interpreter import Interpreter
from tests.unit.language.programs import order
from tests.unit.language.shop import (
    FAILS,
    TASKS,
    Box,
    Declined,
    Kind,
    Line,
    Order,
    Payment,
    Pending,
    Script,
    Speed,
    Took,
    script,
)

Outcomes = dict[str, list[Any]]
Run = tuple[WorkflowFunction[..., Any], tuple[Any, ...], Outcomes]

PLAIN = order()
BIG = order(kind=Kind.GOLD, lines=[Line("a", 9, Decimal("3.10"))])
BOX = Box([Line("a", 2, Decimal(1))], 5, Decimal("2.50"), 1.0)
RICH = order(
    note="DE",
    due=date(2024, 6, 1),
    tags=["x", "y"],
    weights={"a": 0.5, "b": 2.5},
    speed=Speed.FAST,
)


def paid(status: str) -> Payment:
    return Payment("p-2", status)


RUNS: list[Run] = [
    (p.fulfil_order, (PLAIN,), {}),
    (p.fulfil_order, (PLAIN,), {"charge_card": [paid("declined")]}),
    (p.fulfil_order, (PLAIN,), {"charge_card": [FAILS]}),
    (p.fulfil_order, (PLAIN,), {"reserve_stock": [Fail("none left")]}),
    (p.straight, (PLAIN,), {}),
    (p.straight, (PLAIN, "given", 9), {}),
    *((p.elif_chain, (PLAIN,), {"charge_card": [paid(s)]}) for s in ("ok", "declined", "review")),
    (p.elif_chain, (PLAIN,), {"charge_card": [paid("null")]}),
    (p.early_return, (PLAIN,), {}),
    (p.early_return, (BIG,), {}),
    (p.early_return, (order(kind=Kind.GOLD, note="n"),), {}),
    (p.early_return, (order(kind=Kind.GOLD, gift=True),), {}),
    (p.carried_variables, (PLAIN,), {}),
    (p.carried_variables, (BIG,), {}),
    (p.carried_variables, (order(gift=True),), {}),
    (p.computed, (PLAIN,), {}),
    (p.computed, (RICH,), {}),
    (p.defaults_left_out, (PLAIN,), {}),
    (p.defaults_left_out, (order(insured=False, speed=Speed.FAST, gift=True),), {}),
    (p.nested_conditions, (PLAIN,), {}),
    (p.nested_conditions, (order(gift=True),), {}),
    (p.nested_conditions, (PLAIN,), {"score": [4, 9]}),
    (p.nested_conditions, (PLAIN,), {"score": [3]}),
    (p.nested_conditions, (PLAIN,), {"score": [1]}),
    (p.awaits_inside, (PLAIN,), {}),
    (p.awaits_inside, (order(gift=True),), {}),
    (p.awaits_inside, (PLAIN,), {"charge_card": [paid("no")]}),
    (p.branches, (PLAIN,), {}),
    (p.branches, (PLAIN,), {"ship": [{"id": "k-9", "weight": 0.5}]}),
    (p.branches, (PLAIN,), {"charge_card": [paid("no"), paid("no"), paid("no")]}),
    (p.nonlocal_branch, (PLAIN,), {}),
    (p.scopes, (PLAIN,), {}),
    (p.scopes, (PLAIN,), {"charge_card": [paid("no")]}),
    (p.scope_fails, (PLAIN,), {}),
    (p.scope_fails, (PLAIN,), {"score": [2]}),
    (p.whole_results, (PLAIN,), {}),
    (p.whole_dict, ("x",), {}),
    (p.whole_dict, ("x",), {"settings": [{"mode": "off"}]}),
    (p.nothing_back, (PLAIN,), {}),
    (p.priced, (PLAIN,), {}),
    (p.calls_others, (PLAIN,), {}),
    (p.countdown, (3,), {}),
    (p.options, (PLAIN,), {}),
    (p.loose_data, ("v",), {}),
    (p.loose_data, ({"k": [1]},), {"anything": [{"deep": [{"name": "y"}]}]}),
    (p.coupons, (PLAIN, "c"), {}),
    (p.coupons, (PLAIN, "c"), {"find_coupon": [Decimal("1.00")]}),
    (p.coupons, (PLAIN, "c"), {"find_coupon": [Decimal("1.00"), Decimal("0.25")]}),
    (p.coupons, (PLAIN, "c"), {"find_coupon": [Decimal("99.00"), Decimal(0)]}),
    (p.parcels, (PLAIN,), {}),
    (p.parcels, (PLAIN,), {"ship": [{"id": "x", "weight": 1.0}]}),
    (p.odd_names, (BOX, 7, "wf", {"a b": 1, "k": 2}, "k"), {}),
    (p.all_ways_return, (PLAIN,), {}),
    (p.all_ways_return, (order(gift=True),), {}),
]

THREE = order(
    lines=[Line("a", 1, Decimal("1.10")), Line("b", 1, Decimal(2)), Line("c", 3, Decimal(3))]
)
NONE = order(lines=[])
TAGGED = order(tags=["x", "y", "z"], lines=THREE.lines, gift=True)


def lines(*pieces: tuple[str, int]) -> Order:
    return order(lines=[Line(sku, qty, Decimal("1.50")) for sku, qty in pieces])


RUNS += [
    (fans.charge_each, (THREE,), {}),
    (fans.charge_each, (THREE, 0), {"charge_card": [paid("ok"), paid("no")]}),
    (fans.charge_each, (THREE, 9), {}),
    (fans.coupons_of, (["a", "b", "c"],), {}),
    (fans.coupons_of, ([],), {}),
    (fans.notes, (TAGGED,), {}),
    (fans.scored, (THREE, 1), {}),
    (fans.workflows_for_each, (THREE,), {}),
    (fans.fans_in_places, (TAGGED,), {}),
    (fans.fans_in_places, (NONE,), {}),
    (fans.fan_options, (THREE,), {}),
    (fans.fan_fails, (THREE,), {}),
    (fans.fan_fails, (THREE,), {"charge_card": [FAILS]}),
]

RUNS += [
    (loops.for_each, (THREE,), {}),
    (loops.for_each, (NONE,), {}),
    (loops.for_each, (THREE,), {"note_down": [None, FAILS]}),
    (loops.ranges, (PLAIN, 4), {}),
    (loops.ranges, (NONE, 0), {}),
    (loops.over_data, (TAGGED, {"p": 1.5, "q": 2.0}, "abc"), {}),
    (loops.over_data, (NONE, {}, ""), {"rates": [[]]}),
    (loops.attempts, (PLAIN,), {}),
    (loops.until_paid, (PLAIN,), {}),
    (loops.until_paid, (PLAIN,), {"charge_card": [paid("later"), paid("no"), paid("ok")]}),
    (loops.until_paid, (PLAIN,), {"charge_card": [paid("no")] * 9}),
    (loops.until_paid, (PLAIN,), {"charge_card": [paid("no"), paid("lost")]}),
    (loops.first_match, (THREE,), {}),
    (loops.first_match, (NONE,), {}),
    (loops.first_match, (lines(("a", 1), ("skip", 1), ("b", 1)),), {}),
    (loops.first_match, (lines(("a", 1), ("stop", 1), ("b", 1)),), {}),
    (loops.first_match, (lines(("skip", 2), ("b", 2)),), {}),
    (loops.sums, (RICH,), {"find_coupon": [None, Decimal("1.25")]}),
    (loops.sums, (PLAIN,), {"find_coupon": [Decimal("1.25"), Decimal("0.75")]}),
    (loops.sums, (PLAIN,), {"rates": [[]]}),
    (loops.grid, (THREE, 3), {}),
    (loops.grid, (THREE, 3), {"anything": ["x", "enough", "x", "enough"]}),
    (loops.grid, (THREE, 9), {}),
    (loops.grid, (NONE, 9), {}),
    (loops.grid, (THREE, 0), {}),
    (loops.early_ends, (THREE,), {}),
    (loops.early_ends, (lines(("a", 1), ("b", 7)),), {}),
    (loops.early_ends, (THREE,), {"score": [3, 9]}),
    (loops.early_ends, (THREE,), {"score": [3, 3, 0]}),
    (loops.parts_in_loops, (THREE,), {}),
    (loops.parts_in_loops, (TAGGED,), {"score": [5, 1, 99]}),
    (loops.loops_side_by_side, (TAGGED,), {}),
    (loops.loops_side_by_side, (NONE,), {}),
    *((loops.ways_in_loops, (PLAIN, mode), {}) for mode in ("slow", "fast", "other")),
    (loops.ways_in_loops, (order(insured=False), "slow"), {}),
    (loops.ways_in_loops, (PLAIN, "slow"), {"settings": [{"mode": "off"}]}),
    (loops.ways_in_loops, (PLAIN, "slow"), {"settings": [{"mode": "on"}, {"mode": "off"}]}),
]

RUNS += [
    *((matches.on_text, (PLAIN, mode), {}) for mode in ("fast", "slow", "never", "x")),
    *(
        (matches.on_members, (order(gift=gift), kind, speed), {})
        for gift, kind, speed in [
            (False, Kind.GOLD, Speed.FAST),
            (False, Kind.PLAIN, Speed.SLOW),
            (True, Kind.PLAIN, Speed.SLOW),
        ]
    ),
    *((matches.on_several, (PLAIN, n, True), {}) for n in (None, 1, -3, 7, 8)),
    (matches.on_several, (order(note="y"), 8, False), {"score": [7]}),
    (matches.on_several, (order(note="y", gift=True), 7, True), {"score": [6]}),
    (matches.on_classes, (PLAIN,), {}),
    *(
        (matches.on_classes, (PLAIN,), {"take": [answer]})
        for answer in [
            Took("t-0", Decimal(1)),
            Declined("broke"),
            Declined("late", 4),
            Pending(date(2030, 1, 2)),
        ]
    ),
    *(
        (
            matches.on_every_class,
            (order(gift=gift), "c"),
            {"take": [answer], "look_up": [paid("x")]},
        )
        for gift, answer in [
            (False, Took("t-0", Decimal(1))),
            (False, Declined("broke")),
            (True, Declined("broke")),
            (True, Pending(date(2030, 1, 2))),
        ]
    ),
    (matches.on_every_class, (PLAIN, "c"), {}),
    (matches.on_maybe, (PLAIN, "c"), {}),
    (matches.on_maybe, (PLAIN, "c"), {"charge_card": [paid("late")]}),
    (matches.on_maybe, (PLAIN, "c"), {"look_up": [paid("x")], "charge_card": [paid("other")]}),
    (matches.on_maybe, (PLAIN, "c"), {"look_up": [paid("ok")]}),
    *((matches.on_pairs, (PLAIN, mode), {}) for mode in "abc"),
    (matches.on_pairs, (PLAIN, "c"), {"score": [0]}),
    (matches.in_loops, (THREE, "count"), {}),
    (matches.in_loops, (lines(("a", 1), ("skip", 1), ("b", 1)), "count"), {}),
    (matches.in_loops, (lines(("a", 1), ("stop", 1), ("b", 1)), "score"), {}),
    (matches.in_loops, (NONE, ""), {}),
]

RUNS += [
    (tries.caught, (PLAIN,), {}),
    (tries.caught, (PLAIN,), {"reserve_stock": [FAILS]}),
    (tries.caught, (PLAIN,), {"charge_card": [FAILS]}),
    (tries.handed_on, (PLAIN,), {}),
    (tries.handed_on, (PLAIN,), {"score": [FAILS]}),
    *(
        (program, (PLAIN,), {"score": [outcome]})
        for program in (tries.own_fails, tries.fails_go_on, tries.any_fail)
        for outcome in (5, 3, FAILS)
    ),
    (tries.own_fails, (PLAIN,), {"score": [3], "note_down": [FAILS]}),
    (tries.any_fail, (PLAIN,), {"charge_card": [FAILS]}),
    (tries.raised_again, (PLAIN,), {}),
    (tries.raised_again, (PLAIN,), {"ship": [FAILS]}),
    (tries.raised_again, (PLAIN,), {"ship": [FAILS], "note_down": [FAILS]}),
    (tries.nested, (PLAIN,), {}),
    (tries.nested, (PLAIN,), {"settings": [FAILS]}),
    (tries.nested, (PLAIN,), {"charge_card": [FAILS], "ship": [FAILS]}),
    (tries.nested, (PLAIN,), {"charge_card": [FAILS], "score": [4, FAILS], "note_down": [FAILS]}),
    (tries.nested, (PLAIN,), {"charge_card": [FAILS]}),
    (tries.tried_again, (PLAIN, 3), {}),
    (tries.tried_again, (PLAIN, 3), {"find_coupon": [FAILS, Decimal(2)]}),
    (tries.tried_again, (PLAIN, 2), {"find_coupon": [FAILS, FAILS]}),
]

RUNS += [
    (displays.spread_lists, (TAGGED, ["m", "n"], "wo"), {}),
    (displays.spread_lists, (RICH, [], ""), {"rates": [[]]}),
    (displays.spread_dicts, (TAGGED, {"word": "base", "rest": [1]}, "w"), {}),
    (displays.spread_dicts, (PLAIN, {}, "w"), {"find_coupon": [Decimal("0.20")]}),
    (races.first_answer, (PLAIN,), {}),
    (races.first_of_kinds, (PLAIN, "c"), {"find_coupon": [Decimal("1.25")]}),
    (races.first_of_kinds, (PLAIN, "c"), {"find_coupon": [FAILS]}),
    (races.after_a_failure, (PLAIN,), {}),
    (races.after_a_failure, (PLAIN,), {"charge_card": [FAILS]}),
    (races.all_may_fail, (PLAIN,), {"score": [FAILS, FAILS]}),
    (races.races_in_a_loop, (THREE,), {"score": [1, 2, 3]}),
    (races.first_of_calls, (PLAIN,), {}),
]

PROGRAMS = {run[0].name: run[0] for run in RUNS}
DEFINITIONS = {name: program.definition for name, program in PROGRAMS.items()}


class Checked(Interpreter):
    """Also compares every expression with what the product's evaluator makes of it."""

    def text(self, text: str, data: dict[str, Any]) -> Any:
        ours = super().text(text, data)

        class Data:
            def root(self, name: str) -> object:
                return data[name]

        assert compile_template(text).render(Data()) == ours, text
        return ours


async def as_python(run: Run) -> tuple[str, Any, list[tuple[str, Any]]]:
    program, args, outcomes = run
    played = Script(outcomes)
    script.set(played)
    with as_plain_python():
        try:
            result = await program(*args)
        except StepFailed as error:
            return "FAILED", f"{error.step}: {error.reason}", played.calls
        except Fail as error:
            return "FAILED", str(error), played.calls
    return "COMPLETED", msgspec.to_builtins(result), played.calls


def without_defaults(given: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """The same input as somebody writes it by hand: fields with their defaults are left out."""
    sparse = dict(given)
    for name, value in args.items():
        if isinstance(value, Order):
            usual = msgspec.to_builtins(Order("", []))
            kept = {"id", "lines"} | {key for key in usual if given[name][key] != usual[key]}
            sparse[name] = {key: given[name][key] for key in kept}
    return sparse


async def as_definition(
    run: Run, seed: int, *, sparse: bool
) -> tuple[str, Any, list[tuple[str, Any]]]:
    program, args, outcomes = run
    played = Script(outcomes)
    script.set(played)
    bound = program.signature.bind(*args).arguments
    given = msgspec.json.decode(msgspec.json.encode(bound))
    if sparse:
        given = without_defaults(given, bound)
    machine = Checked(TASKS, DEFINITIONS, seed)
    status, output, reason = await machine.run(DEFINITIONS[program.name], given)
    if status != "COMPLETED":
        return status, reason, played.calls
    if is_none(program.returns):
        return status, None, played.calls
    if not is_object(program.returns):
        assert set(output) == {RESULT}
        output = output[RESULT]
    return status, output, played.calls


@pytest.mark.anyio
@pytest.mark.parametrize("sparse", [False, True], ids=["all fields", "defaults left out"])
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run[0].function.__name__)
async def test_python_and_definition_agree(run: Run, *, sparse: bool) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    python = await as_python(run)
    definition = await as_definition(run, seed, sparse=sparse)
    assert definition[:2] == python[:2]
    counts = [Counter(repr(call) for call in calls) for calls in (python[2], definition[2])]
    assert counts[0] == counts[1]
    if "FORK_JOIN" not in repr(DEFINITIONS[run[0].name]):
        assert definition[2] == python[2]


def test_there_are_enough_programs_and_both_ends() -> None:
    assert len(PROGRAMS) >= 15


@pytest.mark.anyio
async def test_the_runs_end_in_both_ways() -> None:
    ends = Counter([(await as_python(run))[0] for run in RUNS])
    assert ends["COMPLETED"] >= 30
    assert ends["FAILED"] >= 5
