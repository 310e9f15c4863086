"""Hostile expressions: each ends soon, in an ExpressionError, whatever it tries."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.wire import to_wire
from pavane.errors import ExpressionError
from tests.unit.expressions.data import Roots

BIG = "'a' * 1000000"
HOSTILE = [
    ("'a' * 10**9", "1000000000 elements"),
    ("10**9 * 'a'", "1000000000 elements"),
    ("[0] * 10**9", "1000000000 elements"),
    ("(0,) * 10**2000", "far too many elements"),
    ("['a' * 1000000 for x in range(100000)]", "too much data"),
    ("range(10**12)", "range() of 1000000000000 numbers"),
    ("range(10**500)", "range() of far too many numbers"),
    ("[x for x in range(1000000)]", "more than 100000 steps"),
    ("sum(1 for x in range(1000) for y in range(1000))", "more than 100000 steps"),
    ("[[[0 for x in range(99)] for y in range(99)] for z in range(99)]", "more than 100000 steps"),
    ("any(false for x in range(1000000))", "more than 100000 steps"),
    ("10**10**10", "the result of `**` is too large"),
    ("2**100000", "the result of `**` is too large"),
    ("2.0**100000", "the result of `**` is too large"),
    ("2**-100000", "the result of `**` is too large"),
    ("decimal(10)**1000000", "`**`"),
    ("decimal(10)**10**10", "`**`"),
    ("decimal('1.0001')**decimal('1e25')", "`**`"),
    ("decimal('1e999999')", "a Decimal beyond"),
    ("decimal('1' * 10000)", "decimal() cannot read"),
    ("decimal('1e2999') * decimal('1e2999')", "a Decimal beyond"),
    ("int(decimal('1e3000')) * 10**2000", "more than 10000 bits"),
    ("(2**5000) * (2**5001)", "more than 10000 bits"),
    ("int('9' * 5000)", "int() was given a text of 5000 characters"),
    ("float('9' * 5000)", "float() was given a text of 5000 characters"),
    ("round(5, -10**9)", "round() to more than 3000 digits"),
    ("round(decimal('1'), 10**9)", "round() to more than 3000 digits"),
    ("round(decimal('1'), 100)", "round() cannot round"),
    ("'a'.zfill(10**9)", "1000000000 elements"),
    ("'a'.ljust(10**9)", "1000000000 elements"),
    ("'a'.rjust(10**9)", "1000000000 elements"),
    ("'a'.center(10**9, 'x')", "1000000000 elements"),
    ("('a' * 1000000).replace('a', 'b' * 1000)", "1000000000 elements"),
    ("('a' * 1000000).replace('', 'bb')", "elements (at most 1000000)"),
    ("('a' * 1000000).join(['b'] * 1000)", "elements (at most 1000000)"),
    ("','.join(['a' * 1000000] * 1000)", "1000000999 elements"),
    ("('ß' * 1000000).upper()", "2000000 elements"),
    ("('a' * 1000000).strip('b' * 1000000)", "strip() of more than 1000 characters"),
    ("f'{1:>1000000000}'", "wider than 1000 characters"),
    ("f'{1:.1000000000f}'", "wider than 1000 characters"),
    ("f'{1:>{10**9}}'", "wider than 1000 characters"),
    ("f'{1.5:.99999}'", "wider than 1000 characters"),
    ("f\"{'a' * 1000000}{'a' * 1000000}\"", "2000000 elements"),
    ("str([['a' * 100000] * 1000] * 1000)", "too much data"),
    ("f\"{[['a' * 100000] * 1000] * 1000}\"", "too much data"),
    ("f\"{[['a' * 100000] * 1000] * 1000!r}\"", "too much data"),
    ("[[[[[1] * 999] * 999] * 999] * 999] == [[[[[1] * 999] * 999] * 999] * 999]", "too much data"),
    ("[[[[[1] * 999] * 999] * 999] * 999] < [[[[[1] * 999] * 999] * 999] * 999]", "too much data"),
    ("[[[1] * 999] * 999] in [[[[1] * 999] * 999]] * 999", "too much data"),
    ("sum([[1] * 1000] * 1000, [])", "too much data"),
    ("[x for y in range(1000) for x in 'a' * 1000]", "more than 100000 steps"),
    ("[[0] * 100000 for x in range(1000)]", "too much data"),
    ("[sorted(range(100000)) for x in range(1000)]", "too much data"),
    ("[len('a' * 1000000) for x in range(10000)]", "too much data"),
    ("['a' * 999999 in 'a' * 1000000 for x in range(10000)]", "too much data"),
    ("[{**big} for x in range(10000)]", "too much data"),
    ("[[*big] for x in range(10000)]", "too much data"),
    ("[big.items() for x in range(10000)]", "too much data"),
    ("[min(big) for x in range(10000)]", "too much data"),
    ("[enumerate(big) for x in range(10000)]", "too much data"),
    ("[zip(big, big) for x in range(10000)]", "too much data"),
    ("[sorted(big) for x in range(10000)]", "too much data"),
    ("[str(big) for x in range(10000)]", "too much data"),
    ("zip(" + ",".join(["range(1000000)"] * 50) + ")", "too much data"),
]
DATA: dict[str, Any] = {"big": {str(n): n for n in range(20_000)}}


@pytest.mark.parametrize(("source", "message"), HOSTILE)
def test_a_hostile_expression_is_stopped_soon(source: str, message: str) -> None:
    started = time.process_time()
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source).evaluate(Roots(DATA))
    assert time.process_time() - started < 2
    assert message in refused.value.message
    assert refused.value.remedy


UNPARSABLE = [
    ("(" * 5000 + ")" * 5000, "nested more than 50 deep"),
    ("(" * 100_000, "longer than 10000 characters"),
    ("[" * 60 + "]" * 60, "nested more than 50 deep"),
    ("{0:" * 60 + "1" + "}" * 60, "nested more than 50 deep"),
    ("-" * 9000 + "1", "nested more than 50 deep"),
    ("- + ~ " * 1500 + "1", "nested more than 50 deep"),
    ("not " * 2000 + "1", "nested more than 50 deep"),
    ("1 if 1 else " * 800 + "1", "nested more than 50 deep"),
    ("lambda:" * 1300 + "1", "nested more than 50 deep"),
    ("**".join(["1"] * 3000), "nested more than 50 deep"),
    ("a" + ".a" * 4000, "nested more than 50 deep"),
    ("a" + "[0]" * 3000, "nested more than 50 deep"),
    ("+".join(["1"] * 100), "nested more than 50 deep"),
    ("[" + ",".join(["1"] * 3000) + "]", "more than 2000 parts"),
    ("f'" + "{1}" * 2500 + "'", "more than 2000 parts"),
    ("f'{" + "(" * 250 + "1" + ")" * 250 + "}'", ""),
    ("1" * 9000, ""),
    ("9" * 4000, "the number is too long"),
    ("a" * 10_001, "longer than 10000 characters"),
    ("1 +" * 3000, ""),
    ("'" * 9999, ""),
    ("x for " * 1500, ""),
]


@pytest.mark.parametrize(("source", "message"), UNPARSABLE, ids=range(len(UNPARSABLE)))
def test_a_source_that_would_hurt_the_parser_is_refused(source: str, message: str) -> None:
    started = time.process_time()
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source)
    assert time.process_time() - started < 1
    assert message in refused.value.message
    assert refused.value.remedy


SMALL_STACK = """
import threading
from pavane.core.expressions.evaluator import compile_expression
from pavane.errors import ExpressionError

SOURCES = [
    "-" * 9000 + "1",
    ("-" * 49 + "(") * 49 + "1" + ")" * 49,
    ("not " * 40 + "(") * 49 + "1" + ")" * 49,
    "not " * 390 + "(" * 50 + "1" + ")" * 50,
    "f'{" + "(" * 190 + "1" + ")" * 190 + "}'",
    "f'{{{" + "-" * 9000 + "1}'",
    "f'{\\"}\\" + " + "-" * 9000 + "1}'",
    "f'{x:{" + "-" * 9000 + "1}}'",
    "1 if 1 else " * 390 + "1",
    "**".join(["1"] * 390),
    "a" + ".a" * 4000,
]


def refuse_all():
    for source in SOURCES:
        try:
            compile_expression(source)
        except ExpressionError as error:
            assert "nested more than 50 deep" in error.message, (source[:40], error)
            print("refused")


threading.stack_size(256 * 1024)
thread = threading.Thread(target=refuse_all)
thread.start()
thread.join()
"""


def test_no_source_overflows_the_stack_of_a_small_thread() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SMALL_STACK], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["refused"] * 11


@pytest.mark.parametrize(
    "source", ["f'{-1:->60}'", "f'" + "-(" * 60 + "{1}'", "f'{{{1}}}' + f'{\"-\" * 60}'"]
)
def test_what_only_looks_nested_in_an_fstring_is_not(source: str) -> None:
    assert isinstance(compile_expression(source).evaluate(Roots()), str)


def test_what_stands_in_texts_is_no_nesting() -> None:
    source = repr("(((" * 1000 + "not - else lambda ** " * 100)
    assert compile_expression(f"len({source})").evaluate(Roots()) == 5100


def test_values_that_repeat_themselves_do_not_become_endless_on_the_wire() -> None:
    source = "[[[[[[1] * 999] * 999] * 999] * 999] * 999]"
    value = compile_expression(source).evaluate(Roots())
    with pytest.raises(ExpressionError, match="more than 1000000 members"):
        to_wire(value)


def test_doubling_in_nested_comprehensions_is_stopped() -> None:
    source = "[1]"
    for name in "abcdefghij":
        source = f"[[{', '.join([name] * 30)}] for {name} in [{source}]][0]"
    value = compile_expression(source).evaluate(Roots())
    for use in ("x == y", "str(x)", "x < y", "x in [y]", "f'{x}'", "sorted([x, y])", "max(x, y)"):
        other = compile_expression(source).evaluate(Roots())
        with pytest.raises(ExpressionError, match="too much data"):
            compile_expression(use).evaluate(Roots({"x": value, "y": other}))


def test_deep_data_is_no_danger() -> None:
    value: Any = 1
    other: Any = 1
    for _ in range(20_000):
        value, other = [value], [other]
    for use in ("x == y", "x < y", "str(x)", "x in [y]", "f'{x!r}'"):
        with pytest.raises(ExpressionError) as refused:
            compile_expression(use).evaluate(Roots({"x": value, "y": other}))
        assert refused.value.remedy
    with pytest.raises(ExpressionError, match="200 levels"):
        to_wire(value)


leaves = st.sampled_from(
    [
        *("0", "1", "-1", "2.5", "1e308", "10**9", "'a'", "'12'", "''", "'2024-01-01'", "None"),
        *("true", "[]", "{}", "()", "x", "x.a", "x.b", "y", "n", "x['a']", "range(9)", "nope"),
        *("decimal('1.5')", "date('2024-01-01')", "timedelta(1)", "uuid('x')", "f'{x}'", "'é'"),
    ]
)
BINARY = [
    *("+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!="),
    *("in", "not in", "is", "is not", "and", "or", "@", "|"),
]
FUNCTIONS = [
    *("len", "any", "all", "min", "max", "sum", "sorted", "round", "abs", "zip", "enumerate"),
    *("str", "int", "float", "bool", "range", "decimal", "date", "datetime", "time", "timedelta"),
    *("uuid", "ref", "open", "not"),
]
METHODS = [
    *("upper", "split", "join", "replace", "get", "items", "keys", "zfill", "strip"),
    *("format", "isoformat", "a"),
]


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(FUNCTIONS), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(FUNCTIONS), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(METHODS), inner).map(lambda t: f"({t[0]}).{t[1]}({t[2]})"),
        st.tuples(inner, st.sampled_from(METHODS)).map(lambda t: f"({t[0]}).{t[1]}()"),
        two.map(lambda t: f"({t[0]})[{t[1]}]"),
        two.map(lambda t: f"({t[0]})[{t[1]}:]"),
        two.map(lambda t: f"[{t[0]}, {t[1]}]"),
        two.map(lambda t: f"{{{t[0]}: {t[1]}}}"),
        two.map(lambda t: f"[{t[0]} for n in {t[1]}]"),
        two.map(lambda t: f"any({t[0]} for n, m in {t[1]})"),
        two.map(lambda t: f"{{{t[0]}: n for n in {t[1]} if n}}"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        inner.map(lambda t: f"-{t}"),
        inner.map(lambda t: f"({t}).real"),
    )


sources = st.recursive(leaves, _grow, max_leaves=12)


def outcome(source: str, data: dict[str, Any]) -> ExpressionError | None:
    """The error that an expression ends in; any other exception fails the test."""
    try:
        to_wire(compile_expression(source).evaluate(Roots(data)))
    except ExpressionError as error:
        return error
    return None


@settings(max_examples=500, deadline=None)
@given(sources)
def test_any_expression_gives_a_value_or_an_expression_error(source: str) -> None:
    data = {"x": {"a": [1, {"b": "c"}], "b": "text"}, "y": [3, 1, 2], "n": 1.5}
    error = outcome(source, data)
    assert error is None or (error.message and error.remedy)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="()[]{}'\"\\.,:+-*/%<>=!fx01 ifornt\n#@~"))
def test_garbage_gives_a_value_or_an_expression_error(source: str) -> None:
    error = outcome(source, {"x": 1})
    assert error is None or (error.message and error.remedy)
