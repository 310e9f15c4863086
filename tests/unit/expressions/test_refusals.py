"""What the evaluator refuses: each with the place, what is wrong, and what to write instead."""

from __future__ import annotations

import pytest

from pavane.core.expressions.evaluator import compile_expression
from pavane.errors import ExpressionError
from tests.unit.expressions.data import Roots

MALFORMED = [
    ("", "the expression is empty", "Write one after the `=`"),
    ("1 +", "it is no expression: invalid syntax", "Write one Python expression"),
    ("a b", "it is no expression", "Write one Python expression"),
    ("x = 1", "it is no expression", "Write one Python expression"),
    ("import os", "it is no expression", "Write one Python expression"),
    ("1\n2", "it is no expression", "Write one Python expression"),
    ("${a} + 1", "`${…}` cannot stand inside a computed value", "Write the path itself"),
    ("'\\ud800'", "half of a character", "Write the whole character"),
    ("'a\ud800'", "characters that cannot be read", "Remove them"),
    ("1\0", "", ""),
    ("lambda: 1", "`lambda` is not part of expressions", "Write a comprehension"),
    ("(x := 1)", "`:=` is not part of expressions", "Write the value where it is used"),
    ("await a", "`await` is not part of expressions", "Await the step on its own line"),
    ("[x async for x in a]", "`async for` is not available", "Loop over data"),
    ("(yield 1)", "`yield` is not part of expressions", "Write a list"),
    ("{1, 2}", "a set is not part of expressions", "Write a list"),
    ("{x for x in a}", "a set is not part of expressions", "Write a list"),
    ("1 @ 2", "`@` is not part of expressions", "make it a task"),
    ("1 << 2", "`<<` is not part of expressions", "Write `*`"),
    ("1 >> 2", "`>>` is not part of expressions", "Write `//`"),
    ("1 | 2", "`|` is not part of expressions", "Write `or`"),
    ("1 & 2", "`&` is not part of expressions", "Write `and`"),
    ("1 ^ 2", "`^` is not part of expressions", "Write `!=`"),
    ("~1", "`~` is not part of expressions", "Write `not`"),
    ("b'x'", "a bytes literal is not part of expressions", "Use a text or a number"),
    ("1j", "a complex literal is not part of expressions", "Use a text or a number"),
    ("...", "a ellipsis literal is not part of expressions", "Use a text or a number"),
    ("1e999", "the number is too large", "Write one below"),
    ("a.__class__", "`.__class__` starts with an underscore", "['__class__']"),
    ("a._x", "`._x` starts with an underscore", "['_x']"),
    ("'x'.__len__()", "`.__len__` starts with an underscore", "['__len__']"),
    ("(1).__class__.__bases__", "starts with an underscore", "write ["),
    ("a.b.__globals__['os']", "`.__globals__` starts with an underscore", "['__globals__']"),
    ("foo(1)", "foo() cannot be called in an expression", "Use one of len, any, all"),
    ("summ([1])", "did you mean sum()?", "Use one of len, any, all"),
    ("eval('1')", "eval() cannot be called", "any other work belongs in a task"),
    ("__import__('os')", "__import__() cannot be called", "any other work belongs in a task"),
    ("getattr(a, 'b')", "getattr() cannot be called", "any other work belongs in a task"),
    ("list(a)", "list() cannot be called", "any other work belongs in a task"),
    ("a.b(1)", ".b() cannot be called in an expression", "Use one of capitalize"),
    ("a.uper()", "did you mean upper()?", "Use one of capitalize"),
    ("'{}'.format(1)", ".format() cannot be called", "Use one of capitalize"),
    ("'a'.encode()", ".encode() cannot be called", "Use one of capitalize"),
    ("a[0](1)", "only functions and methods can be called", "Use one of len"),
    ("len(*a)", "`*` in a call is not available", "Give the values one by one"),
    ("len(**a)", "`**` in a call is not available", "Name the arguments"),
    ("len()", "len() takes 1 arguments, 0 are given", "Write len(…)"),
    ("len(1, 2)", "len() takes 1 arguments, 2 are given", "Write len(…)"),
    ("round(1, 2, 3)", "round() takes 1 to 2 arguments, 3 are given", "Write round(…)"),
    ("len(x=1)", "len() takes 1 arguments", "Write len"),
    ("sorted(a, key=len)", "sorted() has no argument 'key' here", "Named arguments: reverse"),
    ("ref(a)", "ref() takes one text literal", 'Write ref("hold-stock")'),
    ("ref()", "ref() takes one text literal", 'Write ref("hold-stock")'),
    ("a is 'x'", "`is` compares only with None, True or False", "Write `==`"),
    ("a is not b", "`is` compares only with None, True or False", "Write `==`"),
    ("[len for len in a]", "'len' already means something", "Give the variable another name"),
    ("[null for null in a]", "'null' already means something", "Give the variable another name"),
    ("[1 for a.b in c]", "a loop variable must be a name", "Write: for x in"),
    ("[1 for *a, b in c]", "a loop variable must be a name", "Write: for x in"),
]


@pytest.mark.parametrize(("source", "message", "remedy"), MALFORMED)
def test_it_is_refused_when_compiled(source: str, message: str, remedy: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source, where="inputParameters.x")
    assert refused.value.message.startswith("inputParameters.x, `")
    assert message in refused.value.message
    assert remedy in refused.value.remedy
    assert refused.value.remedy


FAILING = [
    ("reserve.outptu.total", "reserve has no 'outptu'; did you mean 'output'?", ".get(…)"),
    ("workflow.input.order.zzz", "workflow.input.order has no 'zzz'.", ".get(…)"),
    ("workflow.input['nope']", "workflow.input has no 'nope'.", ".get(…)"),
    ("nowhere.output", "nowhere has no value (null), so it has no `output`", "Test it first"),
    (
        "workflow.input.order.note.x",
        "workflow.input.order.note has no value (null)",
        "Test it first",
    ),
    ("workflow.input.order.note[0]", "workflow.input.order.note has no value (null)", "Test it"),
    (
        "workflow.input.order.id.x",
        "order.id is text and has no `x`",
        "member of a map",
    ),
    ("workflow.input.order.placed.year", "is text and has no `year`", "date(…) or datetime(…)"),
    (
        "workflow.input.order.items[9]",
        "order.items has 3 items, none at 9",
        "length",
    ),
    ("workflow.input.numbers['a']", "numbers is list and has no `a`", "member of a map"),
    ("[1]['a']", "text is no index of it", "Use a whole number"),
    ("workflow.input.numbers[1.5]", "float is no index of it", "Use a whole number"),
    ("workflow.input.numbers[::0]", "slice is no index of it", "Use a whole number"),
    (
        "workflow.input.order.qty[0]",
        "order.qty is int and has no items",
        "Give a list",
    ),
    ("{}[[]]", "list cannot be the key of a map", "Use a text or a number"),
    ("{[]: 1}", "list cannot be the key of a map", "Use a text or a number"),
    ("{[]: 1 for x in [1]}", "list cannot be the key of a map", "Use a text or a number"),
    ("[] in {}", "list cannot be the key of a map", "Look for a text or a number"),
    ("1 / 0", "division by zero", "Test the divisor first"),
    ("1 // 0", "division by zero", "Test the divisor first"),
    ("1 % 0", "division by zero", "Test the divisor first"),
    ("0 ** -1", "division by zero", "Test the divisor first"),
    ("decimal(1) / 0", "division by zero", "Test the divisor first"),
    ("decimal(1) % 0.0", "division by zero", "Test the divisor first"),
    ("(-8) ** 0.5", "a negative number has no real root", "Test for a negative number"),
    ("'a' + 1", "`+` has no meaning between text and int", "Convert the text first"),
    ("'1.5' + decimal(1)", "`+` has no meaning between text and Decimal", "decimal()"),
    ("'2024-01-01' - timedelta(1)", "`-` has no meaning between text and timedelta", "date()"),
    ("null + 1", "`+` has no meaning between null and int", "Give it a value first"),
    ("{} + []", "`+` has no meaning between map and list", "Convert one of them"),
    ("[1] + (2,)", "`+` has no meaning between list and tuple", "Convert one of them"),
    ("-'a'", "text has no sign", "Convert it to a number"),
    ("'%s' % 1", "texts are not formatted with `%`", "Write an f-string"),
    ("1 < 'a'", "`<` cannot compare int with text", "Convert both to one type"),
    ("null < 1", "`<` cannot compare null with int", "Convert both to one type"),
    ("{} < {}", "`<` cannot compare map with map", "Convert both to one type"),
    ("sorted([1, 'a'])", "cannot compare", "Convert both to one type"),
    ("max([1, null])", "cannot compare", "Convert both to one type"),
    ("decimal('10') > '9'", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("'9' < decimal('10')", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("decimal('1') == '1'", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("'1' != decimal('1')", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("decimal('1') in ['1']", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("decimal('1') in {'1': 2}", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("[decimal('1')] == ['1']", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("{'a': decimal('1')} == {'a': '1'}", "Decimal and text cannot be compared", "decimal(…)"),
    ("sorted([decimal('1'), '1'])", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("min(decimal('1'), '1')", "Decimal and text cannot be compared", "first: decimal(…)"),
    ("date('2024-01-01') < '2024-02-01'", "date and text cannot be compared", "first: date(…)"),
    ("'2024-01-01' == date('2024-01-01')", "date and text cannot be compared", "first: date(…)"),
    ("datetime('2024-01-01T00:00:00Z') > ''", "datetime and text cannot", "first: datetime(…)"),
    ("time('10:00:00') == '10:00:00'", "time and text cannot be compared", "first: time(…)"),
    ("timedelta(1) == 'P1D'", "timedelta and text cannot be compared", "first: timedelta(…)"),
    (
        "uuid('6b5ac2f4-9e0e-4a4c-8f51-0d2bb2d0a1c3') == '6b5ac2f4'",
        "UUID and text cannot be compared",
        "first: uuid(…)",
    ),
    (
        "date('2024-01-01') == datetime('2024-01-01T00:00:00Z')",
        "a date and a datetime cannot be compared",
        "first: date(…)",
    ),
    (
        "datetime('2024-01-01T00:00:00') < datetime('2024-01-01T00:00:00Z')",
        "with a time zone and one without",
        "Give both an offset",
    ),
    ("date('2024-01-01') < 5", "`<` cannot compare date with int", "Convert both"),
    ("1 in 'a'", "`in` cannot look for int in a text", "str(…)"),
    ("1 in 2", "`in` cannot look into int", "Look into a text, a list or a map"),
    ("len(1)", "int has no length", "Give a list, a map or a text"),
    ("sum(1)", "int has no elements", "Give a list, a map or a text"),
    ("[x for x in null]", "null has no elements", "Give a list, a map or a text"),
    ("[*1]", "int has no elements", "Give a list, a map or a text"),
    ("{**[1]}", "`**` spreads a map, not list", "Give a map"),
    (
        "[a for a, b in [(1, 2, 3)]]",
        "2 variables are to be set, but the element is 3",
        "Loop",
    ),
    ("[a for a, b in [1]]", "2 variables are to be set, but the element is int", "Loop over lists"),
    ("min([])", "min() of nothing", "min(…, default=0)"),
    ("max(1, 2, default=3)", "takes `default` only beside one list", "Leave it out"),
    ("sum(['a'])", "`+` has no meaning between int and text", "Convert the text"),
    ("sum(['a'], '')", "sum() does not join texts", "''.join(…)"),
    ("round('1')", "round() cannot round text", "decimal(…)"),
    ("round(1.5, 'a')", "round() takes a whole number of digits", "int(…)"),
    ("abs('a')", "abs() has no meaning for text", "Give a number"),
    ("range(1.5)", "range() counts with whole numbers", "int(…)"),
    ("range(1, 2, 0)", "range() has a step of zero", "Give another step"),
    ("zip([1], [], strict=True)", "lists of different lengths", "Check them first"),
    ("enumerate([], 'a')", "enumerate() counts from a whole number", "int(…)"),
    ("int('a')", "int() cannot read 'a'", "Give it a value such as '12'"),
    ("int(null)", "int() cannot read None", "Give it a value such as"),
    ("int([])", "int() cannot read list", "Give it a value such as"),
    ("float('nan')", "float() cannot read 'nan'", "Give it a value such as '12.5'"),
    ("float('inf')", "float() cannot read 'inf'", "Give it a value such as"),
    ("float(decimal('1E+400'))", "float() cannot read", "Give it a value such as"),
    ("decimal('a')", "decimal() cannot read 'a'", "Give it a value such as '12.50'"),
    ("decimal(true)", "decimal() cannot read True", "Give it a value such as"),
    ("decimal('NaN')", "a Decimal beyond 1E+3000 or without a value", "Use smaller numbers"),
    ("decimal('1') + 1e308 * 10", "or without a value", "Use smaller numbers"),
    ("date('31.5.2024')", "date() cannot read '31.5.2024'", "such as '2024-05-31'"),
    ("date('2024-05-31T10:00:00Z')", "date() cannot read", "such as '2024-05-31'"),
    ("date(2024, 13, 1)", "date() cannot read tuple", "such as '2024-05-31'"),
    ("date(2024)", "date() cannot read 2024", "such as '2024-05-31'"),
    ("datetime('2024-05-31')", "datetime() cannot read '2024-05-31'", "T10:00:00Z"),
    ("time('ten')", "time() cannot read 'ten'", "such as '10:00:00'"),
    ("timedelta('1 day')", "timedelta() cannot read '1 day'", "such as 'P1DT2H'"),
    ("timedelta(days='1')", "timedelta() cannot read '1'", "such as 'P1D'"),
    ("timedelta(days=10**12)", "the timedelta is out of range", "Use a shorter time"),
    ("uuid('x')", "uuid() cannot read 'x'", "Give it a value such as"),
    ("date('9999-12-31') + timedelta(1)", "the result of `+` is too large", "Use smaller values"),
    ("'a'.join([1])", "join() found int among the texts", "str(…)"),
    ("'a'.split('')", "split() cannot be called this way: empty separator", "Check its arguments"),
    ("'a'.split(1)", "split() cannot be called this way", "Check its arguments"),
    ("'a'.upper(1)", "upper() cannot be called this way", "Check its arguments"),
    ("'a'.index('b')", "index() cannot be called this way: substring not found", "Check its"),
    ("[].upper()", "list has no method upper()", "Convert the value first"),
    ("'a'.get('b')", "text has no method get()", "Convert the value first"),
    ("null.get('b')", "null has no method get()", "Convert the value first"),
    ("{}.get([])", "get() cannot be called this way: unhashable", "Check its arguments"),
    ("date('2024-01-01').hour", "is date and has no `hour`", "Read a member of a map"),
    ("f'{1:q}'", "'q' is no format for int", "Use one such as .2f"),
    ("f'{[]:>5}'", "'>5' is no format for list", "Use one such as .2f"),
    ("f'{1:n}'", "the format `n` is not available", "Use one such as d"),
    ("f'{65:c}'", "the format `c` is not available", "Use one such as d"),
    ("f\"{date('2024-01-01'):%A}\"", "`%A` depends on the machine's language", "Use only %"),
    ("f\"{date('2024-01-01'):%}\"", "`%` depends on the machine's language", "Use only %"),
]


@pytest.mark.parametrize(("source", "message", "remedy"), FAILING)
def test_it_is_refused_when_evaluated(source: str, message: str, remedy: str) -> None:
    expression = compile_expression(source, where="inputParameters.x")
    with pytest.raises(ExpressionError) as refused:
        expression.evaluate(Roots())
    assert refused.value.message.startswith("inputParameters.x, `")
    assert "column" in refused.value.message
    assert message in refused.value.message
    assert remedy in refused.value.remedy
    assert refused.value.remedy


PLACES = [
    ("1 + (2 + reserve.nope)", "column 10"),
    ("'é' + reserve.nope", "column 7"),
    ("[1 / x for x in [1, 0]]", "column 2"),
    ("(1 +\n 2 + reserve.nope)", "column 6 of line 2"),
]


@pytest.mark.parametrize(("source", "place"), PLACES)
def test_the_place_is_told(source: str, place: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source).evaluate(Roots())
    assert f"{place}:" in refused.value.message


def test_of_a_long_source_the_part_that_matters_is_shown() -> None:
    source = " + ".join(["1"] * 20) + " + reserve.nope + " + " + ".join(["1"] * 20)
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source).evaluate(Roots())
    assert "`…" in refused.value.message
    assert "reserve.nope" in refused.value.message
    assert len(refused.value.message) < 250
