"""Expressions as text: reading the text back gives the same expression."""

from __future__ import annotations

import ast
import random

import pytest

from pavane.language.writing import written

PLAIN = [
    "a.b.c[0]",
    "-1 ** 2",
    "(-1) ** 2",
    "2 ** -x",
    "2 ** 3 ** 4",
    "(2 ** 3) ** 4",
    "a - (b - c) - d",
    "a * (b + c) % d",
    "not (a and b) or not c",
    "a and (b or c) and d",
    "(a or b) if (c if d else e) else f if g else h",
    "a < b < c != d",
    "(a < b) == (c is not None)",
    "a not in [1, 2]",
    "not a in b",
    "f(x for x in y)",
    "f((x for x in y), 1)",
    "sum([a], start=1)",
    "[x + y for x, y in zip(a, b) if x if not y]",
    "[x for x in (a if b else c)]",
    "[x for x in a if (lambda_ if b else c)]",
    "{k: v for k, v in a.items()}",
    "{'a': 1, 'b': [2]}",
    "[*a, b, *(c or d), *e + f]",
    "{**a, 'b': 1, **(c if d else e)}",
    "[*[x for x in a], *(a < b)]",
    "a[1:2]",
    "a[:-1]",
    "a[::2]",
    "a[b[c]]",
    "(1).real",
    "(a + b).c",
    "'a'.join(b)",
    "'it\\'s \"both\"\\n'",
    "(1,)",
    "+a - -b",
    "-(a + b)",
    "-a.b",
    "(-a).b",
    "(not a) == b",
    "True and None",
    "1.5e300 + 1e-07",
]
FORMATTED = [
    "f'{a} and {b.c!s}'",
    "f'{a:.2f}{b:>{c}}'",
    'f"it\'s {a}"',
    "f'{{{a}}}'",
    "f\"{a['b']} 'x' \"",
    "f'''{a['b']} \"x\" {f\"{c}\"}'''",
    "f'{ {1: 2}[1] }'",
    "f'line\\n\\ttab \\\\ {a}'",
    "f'{a if b else c}'",
    "f'ends in a quote {a}\\''",
    "f'{a}' + f'$' + f'{b}'",
]


def same(text: str) -> bool:
    tree = ast.parse(text, mode="eval").body
    return ast.dump(ast.parse(written(tree), mode="eval").body) == ast.dump(tree)


@pytest.mark.parametrize("text", PLAIN + FORMATTED)
def test_the_text_reads_back_as_the_expression(text: str) -> None:
    assert same(text), written(ast.parse(text, mode="eval").body)


def test_it_is_written_without_needless_brackets() -> None:
    tree = ast.parse("((sum((x.p * x.q) for x in (a.b))) + (1)) > (2)", mode="eval").body
    assert written(tree) == "sum(x.p * x.q for x in a.b) + 1 > 2"


def test_a_text_that_cannot_stand_in_an_f_string_becomes_a_sum() -> None:
    inner = ast.Call(ast.Attribute(ast.Constant("\n"), "join"), [ast.Name("a")], [])
    tree = ast.JoinedStr([ast.FormattedValue(inner, -1, None), ast.Constant("!")])
    assert written(tree) == "'' + str('\\n'.join(a)) + '!'"


OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "<", "in", "is", "and", "or"]


def expression(chance: random.Random, depth: int) -> str:
    """A random expression, each part in brackets."""
    if depth == 0:
        return chance.choice(["a", "b.c", "1", "2.5", "'t'", "x[0]", "None", "-3"])
    a, b, c = (f"({expression(chance, depth - 1)})" for _ in range(3))
    return chance.choice(
        [
            *(
                f"{a} {o} {b}"
                for o in ["+", "-", "*", "/", "//", "%", "**", "==", "<", "in", "is", "and", "or"]
            ),
            *(f"{a} {o} {b} {p} {c}" for o, p in [("and", "or"), ("<", "<="), ("+", "*")]),
            *(f"not {a}", f"-{a}", f"{a} if {b} else {c}", f"{a}[{b}]", f"{a}.d", f"f({a}, k={b})"),
            *(f"[{a}, {b}]", f"[{a} for v in {b} if {c}]", f"{{{a}: {b}}}", f"{a}[{b}:{c}]"),
            *(f"sum({a} for v in {b})", f"{a}.m({b})", f"({a}, {b})"),
        ]
    )


def test_random_expressions_read_back() -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(2_000):
        text = expression(chance, chance.randint(1, 4))
        tree = ast.parse(text, mode="eval").body
        assert ast.dump(ast.parse(written(tree), mode="eval").body) == ast.dump(
            ast.parse(ast.unparse(tree), mode="eval").body
        ), text
