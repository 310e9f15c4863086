"""A SWITCH as `if` or `match`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.language.back import rounds
from pavane.language.back.data import Names, expression
from pavane.language.back.inferring import parsed
from pavane.language.back.races import Race, winner_in
from pavane.language.back.wishes import shown
from pavane.language.names import described
from pavane.language.writing import written

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing


def choice(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A SWITCH on a text as `match`, on a test as `if`."""
    is_value = step.evaluator_type == "value-param" and step.expression == "case"
    if not is_value or list(step.input_parameters) != ["case"] or step.name != step.ref:
        return 0
    case = step.input_parameters["case"]
    guarded = _guarded(writing, step)
    if guarded is not None:
        return rounds.loop(writing, guarded, None, names)
    race = _race(case, names)
    if race is not None:
        return _by_winner(writing, step, race, names)
    subject = expression(case, names)
    if len(step.decision_cases) == 1:
        _test(writing, step, subject, names)
        return 1
    is_number = _is_number(writing, case, names)
    if _jumps(writing, step.default_case):
        word = "if"
        for key, steps in step.decision_cases.items():
            text = key if is_number and key.lstrip("-").isdigit() else repr(key)
            writing.line(f"{word} {subject} == {text}:")
            _way(writing, step, key, steps, names, goes_on="continue")
            word = "elif"
        writing.block(step.default_case, names)
        return 1
    writing.line(f"match {subject}:")
    cases(writing, step, names, is_number=is_number)
    return 1


def _guarded(writing: Writing, step: Step) -> Step | None:
    """The loop of a `while`, which the SWITCH is only in front of."""
    ways = [*step.decision_cases.values(), step.default_case]
    filled = [way for way in ways if way]
    if len(ways) != 2 or len(filled) != 1 or len(filled[0]) != 1:
        return None
    inside = filled[0][0]
    is_while = inside.type == "DO_WHILE" and inside.ref.startswith("while_")
    return inside if is_while and inside.ref not in writing.written_out else None


def _is_number(writing: Writing, case: Any, names: Names) -> bool:
    is_path = isinstance(case, str) and not case.startswith("${=")
    return is_path and writing.wishes.at(case[2:-1], names.frame).kind == "int"


def _race(case: Any, names: Names) -> Race | None:
    """The race whose winner a SWITCH asks for."""
    tree = parsed(case[2:-1]) if isinstance(case, str) and case.startswith("${") else None
    return None if tree is None else names.races.get(winner_in(tree))


def _by_winner(writing: Writing, step: Step, race: Race, names: Names) -> int:
    """A SWITCH on the winner as `if … is None` or as a `match` on the classes of results."""
    patterns = {name: race.pattern(name) for name in step.decision_cases}
    nothing = [name for name, kind in race.gives.items() if kind == "None"]
    others = [name for name in race.gives if name not in step.decision_cases]
    negated = step.ref.startswith("if_winner_ne")
    told = not negated and len(others) == 1 and f"{others[0]}.output" in shown(step.default_case)
    if [*step.decision_cases] == nothing and not told and step.ref.startswith("if_winner"):
        (inside,) = step.decision_cases.values()
        ways: list[tuple[str | None, list[Step]]] = [
            (nothing[0], inside),
            (None, step.default_case),
        ]
        test = race.is_none(negated=negated)
        _if(writing, step, written(test), ways[::-1] if negated else ways, names)
        return 1
    if not all(patterns.values()):
        return 0
    writing.line(f"match {race.variable}:")
    last = race.pattern(others[0]) if told else ""
    cases(writing, step, names, patterns=patterns, last=last or "_")
    return 1


def _test(writing: Writing, step: Step, subject: str, names: Names) -> None:
    """One case: an `if`, in the form after which the SWITCH is named."""
    ((key, inside),) = step.decision_cases.items()
    case = step.input_parameters["case"]
    literal = int(key) if _is_number(writing, case, names) and key.lstrip("-").isdigit() else key
    tree = _tree(case)
    if key == "true":
        shown = written(ast.UnaryOp(ast.Not(), ast.parse(subject, mode="eval").body))
        forms = [(subject, tree, False), (shown, ast.UnaryOp(ast.Not(), tree), True)]
    else:
        equal = ast.Compare(tree, [ast.Eq()], [ast.Constant(literal)])
        other = ast.Compare(tree, [ast.NotEq()], [ast.Constant(literal)])
        forms = [
            (f"{subject} == {literal!r}", equal, False),
            (f"{subject} != {literal!r}", other, True),
            (f"not {subject} == {literal!r}", ast.UnaryOp(ast.Not(), equal), True),
        ]
    test, _, negated = next((each for each in forms if _fits(step.ref, each[1])), forms[0])
    ways: list[tuple[str | None, list[Step]]] = [(key, inside), (None, step.default_case)]
    if negated:
        ways.reverse()
    _if(writing, step, test, ways, names)


def _if(
    writing: Writing,
    step: Step,
    test: str,
    ways: list[tuple[str | None, list[Step]]],
    names: Names,
) -> None:
    """An `if` with both of its ways."""
    writing.line(f"if {test}:")
    if _jumps(writing, ways[1][1]) and ways[1][0] not in writing.breaks.get(step.ref, ()):
        _way(writing, step, *ways[0], names, goes_on="continue")
        writing.block(ways[1][1], names)
        return
    _way(writing, step, *ways[0], names)
    if ways[1][1] or ways[1][0] in writing.breaks.get(step.ref, ()):
        writing.line("else:")
        _way(writing, step, *ways[1], names)


def _tree(case: Any) -> ast.expr:
    """What the SWITCH asks, as the compiler named it."""
    text = str(case)
    code = text[3:-1].strip() if text.startswith("${=") else text[2:-1]
    try:
        return ast.parse(code, mode="eval").body
    except SyntaxError:
        return ast.Constant(text)


def _fits(ref: str, tested: ast.expr) -> bool:
    return re.fullmatch(rf"if_{re.escape(described(tested))}(_\d+)?", ref) is not None


def cases(
    writing: Writing,
    step: Step,
    names: Names,
    *,
    is_number: bool = False,
    patterns: Mapping[str, str] | None = None,
    last: str = "_",
) -> None:
    """The `case`s of a `match`, each with its text, its number, or the pattern given for it."""
    writing.depth += 1
    for key, steps in step.decision_cases.items():
        text = key if is_number and key.lstrip("-").isdigit() else repr(key)
        text = patterns[key] if patterns is not None else text
        writing.line(f"case {text}:")
        _way(writing, step, key, steps, names)
    leaves = None in writing.breaks.get(step.ref, ())
    if step.default_case or leaves or not step.decision_cases:
        writing.line(f"case {last}:")
        _way(writing, step, None, step.default_case, names)
    writing.depth -= 1


def _jumps(writing: Writing, steps: list[Step]) -> bool:
    """Whether a `break` or `continue` of the loop around stands somewhere in some steps."""
    if not writing.loops or not writing.loops[-1]:
        return False
    for each in steps:
        if each.type == "SWITCH":
            ways = [*each.decision_cases.values(), each.default_case]
            ends = any(way and _ends(writing, way[-1]) for way in ways)
            if ends or each.ref in writing.breaks or any(_jumps(writing, way) for way in ways):
                return True
    return False


def _ends(writing: Writing, step: Step) -> bool:
    """Whether a step sets what an iteration of the loop around hands on."""
    setting = rf"set_{re.escape(writing.loops[-1])}(_\d+)?"
    return step.type == "SET_VARIABLE" and re.fullmatch(setting, step.ref) is not None


def _way(
    writing: Writing,
    step: Step,
    key: str | None,
    steps: list[Step],
    names: Names,
    goes_on: str = "",
) -> None:
    """The steps of one case, and how the iteration around goes on behind them."""
    last = "" if steps and steps[-1].type == "TERMINATE" else goes_on
    if key in writing.breaks.get(step.ref, ()):
        last = "break"
    elif steps and writing.loops and writing.loops[-1]:
        last = "continue" if _ends(writing, steps[-1]) else last
    writing.inside(steps, names, last)
