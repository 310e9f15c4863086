"""Paths of `${…}`: Jayway's dialect, values and reads."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.expressions.template import Read, compile_template
from pavane.errors import ExpressionError
from tests.unit.expressions.data import ORDER, Roots

ITEMS = ORDER["items"]

DEFINITE = [
    ("workflow.input.order", ORDER),
    ("workflow.input.order.id", "o-7"),
    ("$.workflow.input.order.id", "o-7"),
    (" workflow.input.order.id ", "o-7"),
    ("workflow['input']['order']['unit price']", 4.5),
    ('workflow["input"].order["unit price"]', 4.5),
    ("['hold-stock'].output.ok", True),
    ("hold-stock.output.ok", True),
    ("workflow.input.order.a-b", "dashed"),
    ("workflow.input.order.items[0].name", "bow"),
    ("workflow.input.order.items[-1].name", "quiver"),
    ("workflow.input.order.items.[1].name", "arrow"),
    ("workflow.input.order.items[ 2 ]['name']", "quiver"),
    ("workflow.input.order['id','qty']", {"id": "o-7", "qty": 3}),
    ("workflow.input.order['id', 'nope']", {"id": "o-7"}),
    ("workflow.input.order.note", None),
    ("workflow.input.order.nope", None),
    ("workflow.input.order.note.deeper", None),
    ("workflow.input.order.id.deeper", None),
    ("workflow.input.order.items.name", None),
    ("workflow.input.order.items[3]", None),
    ("workflow.input.order.items[-4]", None),
    ("workflow.input.order.id[0]", None),
    ("workflow.input.order[0]", None),
    ("nowhere.output", None),
    ("nowhere", None),
    ("workflow.input.numbers.length()", 6),
    ("workflow.input.numbers.size()", 6),
    ("workflow.input.order.items[2].sizes.length()", 2),
    ("workflow.input.order.items[2].sizes.keys()", ["s", "m"]),
    ("workflow.input.order.id.length()", None),
    ("workflow.input.numbers.min()", 4.0),
    ("workflow.input.numbers.max()", 42.0),
    ("workflow.input.numbers.sum()", 108.0),
    ("workflow.input.numbers.avg()", 18.0),
    ("workflow.input.numbers.first()", 4),
    ("workflow.input.numbers.last()", 42),
    ("workflow.input.order.items.sum()", None),
    ("workflow.input.order.items[*].price.sum()", 50.5),
    ("workflow.input.order.items[*].price.length()", 3),
    ("workflow.input.nope.length()", None),
]

INDEFINITE = [
    ("workflow.input.order.items[*].name", ["bow", "arrow", "quiver"]),
    ("workflow.input.order.items.*.name", ["bow", "arrow", "quiver"]),
    ("workflow.input.order.items[2].sizes.*", [1, 2]),
    ("workflow.input.order.items[*].tags", [["sharp", "long"]]),
    ("workflow.input.order.items[*].tags[0]", ["sharp"]),
    ("workflow.input.order.items[1:].name", ["arrow", "quiver"]),
    ("workflow.input.order.items[:1].name", ["bow"]),
    ("workflow.input.order.items[-1:].name", ["quiver"]),
    ("workflow.input.numbers[1:3]", [8, 15]),
    ("workflow.input.numbers[0,2]", [4, 15]),
    ("workflow.input.numbers[0, -1, 99]", [4, 42]),
    (
        "workflow.input.order.items[*]['name','price']",
        [
            {"name": "bow", "price": 8},
            {"name": "arrow", "price": 12.5},
            {"name": "quiver", "price": 30},
        ],
    ),
    ("workflow.input['order','nope'].id", ["o-7"]),
    ("workflow..name", ["bow", "arrow", "quiver"]),
    ("workflow..items[0].name", ["bow"]),
    ("workflow..sizes.*", [1, 2]),
    ("workflow.input.order.items..[0]", [ITEMS[0], "sharp"]),
    (
        "workflow..['name','price']",
        [
            {"name": "bow", "price": 8},
            {"name": "arrow", "price": 12.5},
            {"name": "quiver", "price": 30},
        ],
    ),
    ("reserve..*", [{"total": 99, "key": "order"}, "COMPLETED", 99, "order"]),
    ("workflow.input.order.items[?(@.price < 10)].name", ["bow"]),
    ("workflow.input.order.items[?(@.price <= 12.5)].name", ["bow", "arrow"]),
    ("workflow.input.order.items[?(@.price > 12.5)].name", ["quiver"]),
    ("workflow.input.order.items[?(@.price >= 12.5)].name", ["arrow", "quiver"]),
    ("workflow.input.order.items[?(@.kind == 'wood')].name", ["bow", "arrow"]),
    ('workflow.input.order.items[?("wood"==@.kind)].name', ["bow", "arrow"]),
    ("workflow.input.order.items[?(@['kind'] != 'wood')].name", ["quiver"]),
    ("workflow.input.order.items[?(@.tags)].name", ["arrow"]),
    ("workflow.input.order.items[?(!@.tags)].name", ["bow", "quiver"]),
    ("workflow.input.order.items[?(@.kind=='wood' && @.price>10)].name", ["arrow"]),
    ("workflow.input.order.items[?(@.price<10 || @.price>20)].name", ["bow", "quiver"]),
    ("workflow.input.order.items[?(!(@.price<10||@.price>20))].name", ["arrow"]),
    ("workflow.input.order.items[?(@.price > $.workflow.input.limit)].name", ["arrow", "quiver"]),
    ("workflow.input.order.items[?(@.tags[0] == 'sharp')].name", ["arrow"]),
    ("workflow.input.order.items[?(@.tags.length() == 2)].name", ["arrow"]),
    ("workflow.input.order.items[?(@.name in ['bow', 'quiver'])].price", [8, 30]),
    ("workflow.input.order.items[?(@.name nin ['bow', 'quiver'])].price", [12.5]),
    ("workflow.input.numbers[?(@ > 15)]", [16, 23, 42]),
    ("workflow.input.order[?(@.paid == false)].id", ["o-7"]),
    ("workflow.input.order[?(@.note == null)].id", ["o-7"]),
    ("workflow.input.order[?(@.note)].id", ["o-7"]),
    ("workflow.input.order[?(@.nope == null)].id", []),
    ("workflow.input.order[?(@.nope != 3)].id", ["o-7"]),
    ("workflow.input.order[?(@.qty == '3')].id", ["o-7"]),
    ("workflow.input.order[?('3' == @.qty)].id", ["o-7"]),
    ("workflow.input.order[?(@.qty == 'x')].id", []),
    ("workflow.input.order[?(@.qty < '4')].id", []),
    ("workflow.input.order[?(@.paid == 0)].id", []),
    ("workflow..[?(@.price == 30)].name", ["quiver"]),
    ("workflow.input.order.id[?(@.x)]", []),
    ("workflow.input.nope[*]", []),
    ("nowhere[*]", []),
    ("nowhere..x", []),
]


@pytest.mark.parametrize(("path", "value"), DEFINITE + INDEFINITE)
def test_a_path_gives_what_jayway_gives(path: str, value: Any) -> None:
    assert compile_template("${" + path + "}").render(Roots()) == value


READS = [
    ("workflow.input.order.total", [Read("workflow", ("input", "order", "total"))]),
    ("workflow", [Read("workflow", ())]),
    ("a.b[0].c", [Read("a", ("b", 0, "c"))]),
    ("a.b[*].c", [Read("a", ("b",))]),
    ("a..c", [Read("a", ())]),
    ("a.b['c','d']", [Read("a", ("b",))]),
    ("a.b[1:2].c", [Read("a", ("b",))]),
    ("a.b.length()", [Read("a", ("b",))]),
    ("a.b[?(@.c > $.d.e[0])].f", [Read("a", ("b",)), Read("d", ("e", 0))]),
    ("a..[?(@.c > $.d.e)]", [Read("a", ()), Read("d", ("e",))]),
]


@pytest.mark.parametrize(("path", "reads"), READS)
def test_a_path_says_what_it_reads(path: str, reads: list[Read]) -> None:
    template = compile_template("${" + path + "}")
    assert list(template.reads) == reads
    assert not template.dynamic
    assert not template.constant


MALFORMED = [
    ("a b", "the path has a space in it", "['unit price']"),
    ("a.", "a name is expected before the end", "Write a path such as"),
    ("a..", "a name is expected before the end", "Write a path such as"),
    ("a...b", "a name is expected before `.`", "Write a path such as"),
    ("a.b[", "brackets hold a quoted name", "Write a path such as"),
    ("a.b['c'", "`[` is never closed", "Close it with `]`"),
    ("a.b[0", "`[` is never closed", "Close it with `]`"),
    ("a.b[0 x]", "`x` is not expected here", "Write a path such as"),
    ("a.b[]", "brackets hold a quoted name", "Write a path such as"),
    ("a.b[c]", "brackets hold a quoted name", "Write a path such as"),
    ("a.b['c',d]", "a quoted name is expected", "Write it in quotes"),
    ("a.b[0,]", "an index is expected after the comma", "Write a path such as"),
    ("a.b[12345678901]", "the index is too long", "nine digits"),
    ("a.b[0]c", "`c` is not expected here", "Write a path such as"),
    ("a.b['c']]", "`]` is not expected here", "Write a path such as"),
    ("[0].a", "does not start with a name", "Start with `workflow`"),
    ("*.a", "does not start with a name", "Start with `workflow`"),
    ("$", "`$` alone names no value", "Start with `workflow`"),
    ("@.a", "only inside a filter", "Start with `workflow`"),
    ("$..a", "does not start with a name", "Start with `workflow`"),
    ("['']", "does not start with a name", "Start with `workflow`"),
    ("a.foo()", "`foo(…)` is not a function of paths", "Use one of length, size"),
    ("a.length(1)", "`length(…)` is not a function of paths", "Use one of length, size"),
    ("a.length().b", "a function ends a path", "Move it"),
    ("a..length()", "a function cannot follow `..`", "Write a path such as"),
    ("a[?]", "a filter stands in parentheses", "Write a test such as"),
    ("a[?(@.b]", "a comparison is expected before `]`", "Use one of == != <="),
    ("a[?(@.b = 3)]", "a comparison is expected before `=`", "Use one of == != <="),
    ("a[?(@.b =~ /x/)]", "a comparison is expected before `=`", "Use one of == != <="),
    ("a[?(@.b == )]", "`)` is neither a path nor a value", "put texts in quotes"),
    ("a[?(@.b == word)]", "`word` is neither a path nor a value", "put texts in quotes"),
    ("a[?(@.b == 1e999)]", "`1e999` is neither a path nor a value", "put texts in quotes"),
    ("a[?(@.b == 'x)]", "is never closed", "Close it with"),
    ("a[?(3)]", "a value alone is no test", "Write a test such as"),
    ("a[?((@.b == 3]", "a parenthesis is not closed", "Write a test such as"),
    ("a[?(@.b && )]", "`)` is neither a path nor a value", "put texts in quotes"),
    ("a[?($ == 3)]", "`$` is not followed by the name of a root", "Write a test such as"),
    ("a[?(@.b in [1, [2]])]", "a list in a list", "Write a test such as"),
    ("a[?(@.b in [1 2])]", "`,` or `]` is expected", "Write a test such as"),
    ("a[?(" + "!" * 60 + "@.b)]", "nested more than 50 deep", "Write a simpler filter"),
    ("a" + "[?(@" * 60 + ")]" * 60, "nested more than 50 deep", "Write a simpler filter"),
    ("a." + "b" * 10_001, "longer than 10000 characters", "Shorten it"),
]


@pytest.mark.parametrize(("path", "message", "remedy"), MALFORMED)
def test_a_malformed_path_is_refused_with_place_and_remedy(
    path: str, message: str, remedy: str
) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_template({"x": ["${" + path + "}"]}, where="inputParameters")
    assert refused.value.message.startswith("inputParameters.x[0], `")
    assert message in refused.value.message
    assert remedy in refused.value.remedy


def test_the_column_of_a_malformed_path_is_told() -> None:
    with pytest.raises(ExpressionError, match=r"`a\.b\[c\]`, column 5: brackets hold"):
        compile_template("${a.b[c]}")


def test_a_search_without_end_is_stopped() -> None:
    data = {"a": [[[[1] * 30] * 30] * 30] * 30}
    with pytest.raises(ExpressionError, match="touches more than 1000000 values") as refused:
        compile_template("${a" + "..*" * 8 + "}", where="x").render(Roots(data))
    assert "more precisely" in refused.value.remedy


def test_repeated_indexes_cannot_multiply_without_end() -> None:
    data = {"a": [[[[[1]]]]]}
    path = "${a" + ("[" + ",".join(["0"] * 100) + "]") * 5 + "}"
    with pytest.raises(ExpressionError, match="touches more than 1000000 values"):
        compile_template(path).render(Roots(data))


def test_data_nested_very_deep_is_searched_without_recursion() -> None:
    value: Any = {"x": 1}
    for _ in range(5_000):
        value = {"n": value}
    assert compile_template("${a..x}").render(Roots({"a": value})) == [1]


def test_aggregates_beyond_floats_are_null() -> None:
    data = {"a": {"big": [10**400], "sum": [1e308, 1e308]}}
    assert compile_template("${a.big.sum()}").render(Roots(data)) is None
    assert compile_template("${a.sum.sum()}").render(Roots(data)) is None
