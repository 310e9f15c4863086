"""Races of random workflows, in which one branch is certain to be the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.language.random_programs import Generator

_SLOW = ("sleep('1h')", "sleep(7200)", "until('2999-01-31 09:00')")
_CLASSES = {"number": "int", "text": "str", "decided": "bool", "price": "Decimal"}


def race_steps(program: Generator) -> None:
    """`await race(…)` of a task or a short sleep with what takes for ever, and what came of it."""
    chance, name = program.random, program.fresh("r")
    kind = chance.choice(list(_CLASSES))
    if kind == "number" and chance.random() < 0.4:
        _raced(program, name, [_call(program, kind), f"forever({program.expr('number')})"])
        program.keep(name, kind)
        return
    late = chance.random() < 0.25
    first = "sleep(0.001)" if late else _call(program, kind)
    slow = chance.sample(_SLOW, chance.randint(1, 2))
    if late:
        kind, slow = "number", [f"forever({program.expr('number')})"]
    _raced(program, name, [first, *slow])
    program.made["late"] += late
    if kind == "text" and chance.random() < 0.4:
        program.keep(name, "maybe")
        return
    chance.choice([_or_else, _asked, _matched])(program, name, kind)


def _call(program: Generator, kind: str) -> str:
    return f'{kind}("{program.fresh("k")}", {program.expr(kind)})'


def _raced(program: Generator, name: str, calls: list[str]) -> None:
    program.random.shuffle(calls)
    program.line(f"{name} = await race({', '.join(calls)})")
    program.made["race"] += 1


def _or_else(program: Generator, name: str, kind: str) -> None:
    """A value in place of None."""
    made = program.fresh("d")
    program.line(f"{made} = {name} if {name} is not None else {program.expr(kind)}")
    program.keep(made, kind)


def _asked(program: Generator, name: str, kind: str) -> None:
    """An `if` that asks for None."""
    made = program.fresh("c")
    negated = program.random.random() < 0.5
    program.line(f"if {name} is {'not ' if negated else ''}None:")
    for is_there in (negated, not negated):
        with program.indented():
            if is_there:
                program.known[kind].append(name)
            if program.random.random() < 0.6:
                program.step()
            program.line(f"{made} = {program.expr(kind)}")
        if is_there is negated:
            program.line("else:")
    program.keep(made, kind)
    program.made["asked"] += 1


def _matched(program: Generator, name: str, kind: str) -> None:
    """A `match` with a case for the result and one for None."""
    made = program.fresh("c")
    program.line(f"match {name}:")
    program.depth += 1
    there = f"{_CLASSES[kind]}()"
    for pattern in program.random.choice([("None", there), (there, "_")]):
        program.line(f"case {pattern}:")
        with program.indented():
            if pattern == there:
                program.known[kind].append(name)
            if program.random.random() < 0.6:
                program.step()
            program.line(f"{made} = {program.expr(kind)}")
    program.depth -= 1
    program.keep(made, kind)
    program.made["raced case"] += 1
