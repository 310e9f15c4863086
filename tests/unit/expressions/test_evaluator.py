"""The evaluator: what looks like Python means what Python means."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.template import Read
from tests.unit.expressions.data import ORDER, Roots


def evaluate(source: str, data: dict[str, Any] | None = None) -> Any:
    return compile_expression(source).evaluate(Roots(data))


# Evaluated by Python itself too: each must give the same value of the same type.
AS_PYTHON = """
1 + 2 * 3 - 4 / 5 // 6 % 7 ** 2
-3 ** 2
+True + 2
7 // -2, 7 % -2, -7.5 // 2
1 < 2 < 3, 1 < 2 > 3, 1 == 1.0 != 2
2 ** 10, 2 ** -1, 0.5 ** 2
not 1, not [], not 'x'
0 or 'x', 1 and [], None or 0, 'a' and 'b' or 'c'
1 if 2 > 1 else 1 / 0
'a' in 'cat', 'x' not in 'cat', 2 in [1, 2], 'k' in {'k': 1}, 3 in range(5), 2.0 in range(5)
1.5 in range(3), -1 in range(3)
'a' + 'b' * 3, 3 * 'ab', [1] + [2] * 2, (1,) + (2,), 'x' * -1
[1, 2, 3][0], [1, 2, 3][-1], [1, 2, 3][1:], 'hello'[::2], {'a': 1}['a'], (1, 2)[1], range(9)[2]
[1, 2, 3][:-1], 'hello'[1:3], range(5)[1:3]
[1, *[2, 3], *'ab'], {**{'a': 1}, 'b': 2}, (*range(2),)
[x * 2 for x in range(5) if x % 2], [x for x in 'abc']
[(x, y) for x in range(3) for y in range(x) if x + y > 1]
[[y for y in range(x)] for x in range(3)]
[[x for x in [x + 1]] for x in [1]], [[x, y] for x in [1] for y in [x, x + 1] for x in [y]]
{k: v for k, v in [('a', 1), ('b', 2)]}, {x: x for x in 'ab'}
[a + b + c for a, (b, c) in [(1, (2, 3))]], [x for x in {'a': 1}]
any(x > 2 for x in [1, 2, 3]), all(x > 2 for x in [1, 2, 3]), any([]), all([])
any(x for x in [0, 2]), all(x for x in [1, 'a']), all(x for x in [1, '']), any(x for x in [0, ''])
any(1 / x > 0 for x in [1, 0]), all(1 / x > 1 for x in [1, 0])
any([0, 1]), all({'a': 1}), any('')
len('abc'), len([1]), len({'a': 1}), len(range(7)), len((1, 2))
min(3, 1, 2), max([3, 1, 2]), min('b', 'a'), max('abc'), min([], default=5), max({'a': 1, 'b': 2})
min([[2, 1], [1, 5]]), max([1, 2], [1, 3]), min(1, 1.0), max(1, 1.0)
sum([1, 2.5]), sum([], 3), sum([1], start=2), sum(x for x in range(4)), sum([[1], [2]], [])
sorted([3, 1, 2]), sorted('bca'), sorted([2, 1.5], reverse=True), sorted([[2, 'b'], [2, 'a'], [1]])
sorted([True, 0, 2]), sorted({'b': 1, 'a': 2}), sorted([('b', 1), ('a', 2)])
round(2.5), round(3.5), round(2.675, 2), round(1234, -2), round(1.25, ndigits=1), round(7)
abs(-3), abs(-2.5), abs(True)
str(1), str(1.0), str(None), str(True), str([1, 'a']), str({'a': 1.5}), str(), str('x'), str(1e16)
int('12'), int(' -3 '), int(2.9), int(True), int(), int('1_000')
float('1.5'), float(2), float(), float('1e3')
bool(''), bool('x'), bool(0), bool(), bool([0])
[*range(3)], [*range(2, 5)], [*range(5, 0, -2)], [*range(0)], len(range(5, 0))
[*zip([1, 2, 3], 'ab')], [*zip()], [*zip([1], [2], strict=True)]
[*enumerate('ab')], [*enumerate([7], start=1)], [*enumerate('a', 5)]
'aBc'.upper(), 'aBc'.lower(), ' x '.strip(), 'xxaxx'.strip('x'), ' x'.lstrip(), 'x '.rstrip()
'abc'.startswith('ab'), 'abc'.endswith('b'), 'abc'.startswith(('x', 'a')), 'abc'.startswith('b', 1)
'a,b,c'.split(','), ' a  b '.split(), 'a,b,c'.split(',', 1), 'a,b'.split(sep=',', maxsplit=0)
','.join(['a', 'b']), ''.join(x for x in 'abc'), '-'.join('ab'), 'aXbX'.replace('X', 'yy')
len(('a' * 1000).replace('a', 'b' * 10000, 1)), 'aaa'.replace('a', 'b', 2)
''.replace('', 'x'), 'abc'.replace('', '-')
'hello world'.title(), 'hello'.capitalize(), 'Straße'.casefold(), 'aB'.swapcase()
'prefix-x'.removeprefix('prefix-'), 'x.txt'.removesuffix('.txt'), '7'.zfill(3), '-7'.zfill(4)
'a'.ljust(3) + '|', 'a'.rjust(3, '.'), 'a'.center(5, '*'), 'banana'.count('an'), 'banana'.find('n')
'banana'.index('n'), 'a=b=c'.partition('='), 'a\\nb'.splitlines(), '12'.isdigit(), 'ab'.isalpha()
'a1'.isalnum(), '1'.isdecimal(), '½'.isnumeric(), ' '.isspace(), 'A'.isupper(), 'a'.islower()
'Ab'.istitle(), 'é'.isascii()
{'a': 1}.get('a'), {'a': 1}.get('b'), {'a': 1}.get('b', 2)
[*{'a': 1}.keys()], [*{'a': 1}.values()], [*{'a': 1}.items()], [k for k, v in {'a': 1}.items()]
f'{1}', f'{"a"!r}', f'{1.5:.2f}|{3:>5}|{3:05d}|{"x":<3}|{1234567:,}', f'{1 + 1}{{}}', f'{"é"!a}'
f'{3:{2 + 3}}', f'{"x":{"*"}^{5}}', f'{[1]}', f'{None}', f'{True}', f'', f'{0.25:%}', f'{255:x}'
[1, 2] == [1, 2.0], {'a': [1]} == {'a': [1]}, [1] == (1,), 'a' == 1, None == 0, True == 1, {} == []
[1, 2] < [1, 3], (1,) < (1, 2), 'a' < 'b', [] < [1], [[1], 2] < [[1], 3], 'a' <= 'a', 2 >= 2.0
1 != 2, 'a' != 'a', [1] != [2], None is None, (1 > 2) is False
1 in {1, 2}, 'c' not in {'a', 'b'}, 3 in (1, 2), [1] in [[1]]
{'a': 1, **{'a': 2}}, {1: 'x', None: 'y', 2.5: 'z'}[None]
10 ** 20 // 3, 1_000, 0x1f, 1e3, 'a' 'b', '\\u00e9', '''a
b'''
""".strip().split("\n")


def _python_sources() -> list[str]:
    """The lines above; a triple-quoted text joins two of them."""
    joined: list[str] = []
    for line in AS_PYTHON:
        if joined and joined[-1].count("'''") % 2:
            joined[-1] += "\n" + line
        else:
            joined.append(line)
    return joined


@pytest.mark.parametrize("source", _python_sources())
def test_it_means_what_python_means(source: str) -> None:
    wanted = eval(source, {})  # the reference, over texts of this file
    found = evaluate(source)
    assert found == wanted
    assert repr(found) == repr(wanted)


PATHS = [
    ("workflow.input.order.id", "o-7"),
    ("workflow['input']['order']['unit price']", 4.5),
    ("workflow.input.order.items[0].name", "bow"),
    ("workflow.input.order.items[-1]['name']", "quiver"),
    ("workflow.input.order.items[1:][0].name", "arrow"),
    ("workflow.input.order.items[workflow.input.order.qty - 1].name", "quiver"),
    ("workflow.input.order[workflow.input.key]", "12.50"),
    ("workflow.input.order.items", ORDER["items"]),
    ("[k for k, v in workflow.input.order.items[2].sizes.items()]", ["s", "m"]),
    ("workflow.input.order.get('nope', 5)", 5),
    ("(workflow.input.get('nope') or {}).get('deeper')", None),
    ("ref('hold-stock').output.ok", True),
    ("ref('hold-stock')['output']", {"ok": True}),
    ("ref('nope')", None),
    ("nowhere", None),
    ("nowhere or 3", 3),
    ("null", None),
    ("true and not false", True),
    ("workflow.input.order.note is null", True),
    ("workflow.input.order.note is not None, 1 is not None", (False, True)),
    ("sum(i.price * 2 for i in workflow.input.order.items)", 101.0),
    ("[i.name for i in workflow.input.order.items if i.kind == 'wood' and i.price < 10]", ["bow"]),
    ("max(i.price for i in workflow.input.order.items)", 30),
    ("{i.name: i.price for i in workflow.input.order.items}['bow']", 8),
    ("[workflow for workflow in [1]]", [1]),
    ("[reserve for reserve in [reserve.status]]", ["COMPLETED"]),
    ("[key for key in [1] for key in [key + 1]]", [2]),
    ("f'{reserve.output.total:>5}|{workflow.input.order.id}'", "   99|o-7"),
    ("  reserve.output.total  ", 99),
]


@pytest.mark.parametrize(("source", "value"), PATHS)
def test_data_is_read(source: str, value: Any) -> None:
    assert evaluate(source) == value


def test_roots_that_bear_a_function_s_name_can_be_read() -> None:
    data = {"sum": {"output": 3}, "date": {"output": 4}, "get": {"items": 5}}
    assert evaluate("sum.output + date.output + get.items", data) == 12


TYPED = [
    ("decimal('12.50') * 2", Decimal("25.00")),
    ("decimal(workflow.input.order.total) + 1", Decimal("13.50")),
    ("decimal('0.1') + 0.2", Decimal("0.3")),
    ("0.2 + decimal('0.1')", Decimal("0.3")),
    ("decimal('1') / 3", Decimal("0.3333333333333333333333333333")),
    ("decimal('7') // 2, decimal('-7') % 2", (Decimal("3"), Decimal("-1"))),
    ("decimal('2') ** 3, -decimal('1.5'), +decimal('1')", (8, Decimal("-1.5"), 1)),
    ("decimal(3), decimal(1.1), decimal(decimal('2'))", (3, Decimal("1.1"), 2)),
    (
        "decimal(null), date(null), datetime(null), time(null), timedelta(null), uuid(null)",
        (None,) * 6,
    ),
    ("decimal('0.1') == 0.1, decimal('2') == 2, decimal('2') == 2.0", (True, True, True)),
    ("decimal('9') < decimal('10'), decimal('9') < 10, 9.5 > decimal('9')", (True, True, True)),
    ("[decimal('0.1')] == [0.1], {'a': decimal('1')} == {'a': 1.0}", (True, True)),
    (
        "decimal('0.1') in [0.1], decimal('3') in range(4), decimal('0.5') in range(4)",
        (True, True, False),
    ),
    ("min(decimal('0.1'), 0.05), max([1, decimal('2')])", (0.05, Decimal("2"))),
    ("sorted([decimal('0.3'), 0.1, 0])", [0, 0.1, Decimal("0.3")]),
    ("sum([decimal('0.1'), 0.2, 1])", Decimal("1.3")),
    ("round(decimal('2.675'), 2), round(decimal('2.5'))", (Decimal("2.68"), 2)),
    ("round(decimal('1234'), -2), abs(decimal('-1.5'))", (Decimal("1.2E+3"), Decimal("1.5"))),
    ("str(decimal('1.50')), int(decimal('2.9')), float(decimal('2.5'))", ("1.50", 2, 2.5)),
    ("f'{decimal(\"1234.5\"):,.2f}'", "1,234.50"),
    (
        "decimal('1') == null, decimal('1') is null, null == date('2024-01-01')",
        (False, False, False),
    ),
    ("date('2024-05-31')", date(2024, 5, 31)),
    ("date(2024, 5, 31)", date(2024, 5, 31)),
    ("date(workflow.input.order.placed).year", 2024),
    ("date('2024-05-31') + timedelta(days=1)", date(2024, 6, 1)),
    ("date('2024-05-31') - date('2024-05-01')", timedelta(days=30)),
    ("(date('2024-05-31') - date('2024-05-01')).days", 30),
    ("date('2024-10-01') > date('2024-9-1'.replace('-9-1', '-09-01'))", True),
    ("date('2024-05-31') in [date('2024-05-31')]", True),
    ("max(date('2024-05-31'), date('2024-06-01'))", date(2024, 6, 1)),
    ("datetime('2024-05-31T10:00:00Z')", datetime(2024, 5, 31, 10, tzinfo=UTC)),
    (
        "datetime('2024-05-31T10:00:00Z') == datetime('2024-05-31T12:00:00+02:00')",
        True,
    ),
    ("datetime(2024, 5, 31, 10, 30).minute", 30),
    ("date(datetime('2024-05-31T10:00:00Z'))", date(2024, 5, 31)),
    ("datetime('2024-05-31T10:00:00').date() == date('2024-05-31')", True),
    ("time('10:30:00'), time(10, 30), time(10)", (time(10, 30), time(10, 30), time(10))),
    ("time(datetime('2024-05-31T10:00:00Z'))", time(10)),
    (
        "timedelta('P1DT2H'), timedelta(1, 7200), timedelta(days=1, hours=2)",
        (timedelta(1, 7200),) * 3,
    ),
    (
        "timedelta(hours=1) * 3 / 2, timedelta(hours=1) / timedelta(minutes=30)",
        (timedelta(hours=1.5), 2),
    ),
    ("timedelta(minutes=90).total_seconds(), abs(timedelta(-1))", (5400.0, timedelta(1))),
    ("date('2024-05-31').isoformat(), date('2024-05-31').weekday()", ("2024-05-31", 4)),
    ("f\"{date('2024-05-31'):%d.%m.%Y}\"", "31.05.2024"),
    ("str(date('2024-05-31'))", "2024-05-31"),
    (
        "uuid('6b5ac2f4-9e0e-4a4c-8f51-0d2bb2d0a1c3')",
        UUID("6b5ac2f4-9e0e-4a4c-8f51-0d2bb2d0a1c3"),
    ),
    (
        "uuid('6B5AC2F4-9e0e-4a4c-8f51-0d2bb2d0a1c3')"
        " == uuid('6b5ac2f4-9e0e-4a4c-8f51-0d2bb2d0a1c3')",
        True,
    ),
]


@pytest.mark.parametrize(("source", "value"), TYPED)
def test_typed_values(source: str, value: Any) -> None:
    found = evaluate(source)
    assert found == value
    assert type(found) is type(value)


def test_decimals_do_not_depend_on_the_context_of_the_thread() -> None:
    import decimal

    with decimal.localcontext(decimal.Context(prec=3)):
        assert evaluate("decimal('1.23456') * 2") == Decimal("2.46912")
        assert evaluate("round(decimal('1.23456'), 4)") == Decimal("1.2346")


READS = [
    (
        "workflow.input.order.total * 2",
        ("workflow",),
        [Read("workflow", ("input", "order", "total"))],
    ),
    ("a.b + c['d'][0].e", ("a", "c"), [Read("a", ("b",)), Read("c", ("d", 0, "e"))]),
    ("a.b[-1]", ("a",), [Read("a", ("b", -1))]),
    ("a.b[i]", ("a", "i"), [Read("a", ("b",)), Read("i")]),
    ("a.b[1:].c", ("a",), [Read("a", ("b",))]),
    ("a.b.items()", ("a",), [Read("a", ("b",))]),
    ("a.b.upper() + a.b", ("a",), [Read("a", ("b",))]),
    ("[x.y for x in a.b if x.z]", ("a",), [Read("a", ("b",))]),
    ("[x for x in a for y in x.b if y == q.r]", ("a", "q"), [Read("a"), Read("q", ("r",))]),
    ("f'{a.b} {c:>{d}}'", ("a", "c", "d"), [Read("a", ("b",)), Read("c"), Read("d")]),
    ("ref('x-y').output.z", ("x-y",), [Read("x-y", ("output", "z"))]),
    ("ref('x-y')", ("x-y",), [Read("x-y")]),
    ("len(null) + true", (), []),
    ("len", ("len",), [Read("len")]),
]


@pytest.mark.parametrize(("source", "names", "reads"), READS)
def test_names_and_reads_are_known_before(
    source: str, names: tuple[str, ...], reads: list[Read]
) -> None:
    expression = compile_expression(source)
    assert expression.names == names
    assert list(expression.reads) == reads


def test_only_what_is_needed_is_read() -> None:
    roots = Roots()
    compile_expression("reserve.output.total if true else workflow.x").evaluate(roots)
    assert roots.asked == ["reserve"]


def test_an_expression_is_evaluated_any_number_of_times() -> None:
    expression = compile_expression("[x * n for x in range(3)]")
    assert [expression.evaluate(Roots({"n": n})) for n in (1, 2)] == [[0, 1, 2], [0, 2, 4]]


OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!="]
numbers = st.integers(-1000, 1000) | st.floats(-1000, 1000)


@settings(deadline=None)
@given(
    numbers,
    numbers,
    st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!="]),
)
def test_arithmetic_agrees_with_python(left: float, right: float, operator: str) -> None:
    source = f"({left!r}) {operator} ({right!r})"
    try:
        wanted = eval(source, {})  # two numbers and an operator
    except ZeroDivisionError:
        return
    assert evaluate(f"a {operator} b", {"a": left, "b": right}) == wanted


@settings(deadline=None)
@given(st.lists(st.decimals(-1000, 1000, places=2) | st.integers(-9, 9), max_size=8))
def test_sorting_mixed_numbers_agrees_with_python(values: list[Any]) -> None:
    assert evaluate("sorted(xs)", {"xs": values}) == sorted(values)
    assert evaluate("sorted(xs, reverse=True)", {"xs": values}) == sorted(values, reverse=True)
