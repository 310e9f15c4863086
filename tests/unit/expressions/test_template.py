"""Templates: what is substituted where, types, text, escapes, nesting, roots."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavane.core.expressions.template import Read, compile_template
from pavane.errors import ExpressionError
from tests.unit.expressions.data import ORDER, Roots


def render(value: Any, data: dict[str, Any] | None = None) -> Any:
    return compile_template(value).render(Roots(data))


def test_a_whole_expression_keeps_the_type() -> None:
    value = {
        "order": "${workflow.input.order}",
        "total": "${reserve.output.total}",
        "paid": "${workflow.input.order.paid}",
        "none": "${nowhere.x}",
        "fixed": 3,
    }
    assert render(value) == {
        "order": ORDER,
        "total": 99,
        "paid": False,
        "none": None,
        "fixed": 3,
    }


def test_order_of_members_stays() -> None:
    value = {"b": "${nowhere}", "a": 1, "c": ["${nowhere}"], "d": {}}
    assert list(render(value)) == ["b", "a", "c", "d"]


EMBEDDED = [
    ("x ${workflow.input.order.id} y", "x o-7 y"),
    ("${workflow.input.order.id}${workflow.input.order.qty}", "o-73"),
    ("x${nowhere.a}", "xnull"),
    ("x${workflow.input.order.note}", "xnull"),
    ("x${workflow.input.order.paid}", "xfalse"),
    ("x${['hold-stock'].output.ok}", "xtrue"),
    ("x${workflow.input.order['unit price']}", "x4.5"),
    ("x${reserve.output}", 'x{"total":99,"key":"order"}'),
    ("x${workflow.input.numbers[0:2]}", "x[4,8]"),
    (" ${workflow.input.order.qty}", " 3"),
    ("${}", ""),
    ("${ }", ""),
    ("a${ \t}b", "ab"),
    ("", ""),
    ("$", "$"),
    ("{}", "{}"),
    ("$ {a}", "$ {a}"),
    ("$${a}", "${a}"),
    ("$$${a}", "$${a}"),
    ("x $${a} ${reserve.output.total} $${b}", "x ${a} 99 ${b}"),
    ("$${a ${reserve.output.total} }", "${a 99 }"),
    ("$${", "${"),
    ("${reserve.output.total}$", "99$"),
    ("${reserve.output.total}$${x}", "99${x}"),
    ("${reserve.output['a}b']}x", "nullx"),
    ("${reserve.output.{a}}x", "nullx"),
]


@pytest.mark.parametrize(("text", "value"), EMBEDDED)
def test_text_around_expressions(text: str, value: str) -> None:
    assert render(text) == value


NESTED = [
    ("${workflow.input.order.${workflow.input.key}}", "12.50"),
    ("${workflow.input.${reserve.output.key}.${workflow.input.key}}", "12.50"),
    ("${workflow.input['${reserve.output.key}'].id}", "o-7"),
    ("${${root}.output.total}", 99),
    ("${workflow.input.numbers[${index}]}", 15),
    ("${workflow.input.order.${nowhere}}", None),
    ("${workflow.input.order.${unreadable}}", None),
    ("${${blank}}", ""),
    ("x${workflow.input.${reserve.output.key}.qty}y", "x3y"),
    ("${workflow.input.order.${= 'to' + 'tal' }}", "12.50"),
    ("${workflow.input.order.$${key}}", None),
]


@pytest.mark.parametrize(("text", "value"), NESTED)
def test_the_inner_expression_is_resolved_first(text: str, value: Any) -> None:
    data = {**Roots().data, "root": "reserve", "index": 2, "unreadable": "a b[", "blank": " "}
    assert render(text, data) == value


def test_what_was_filled_in_is_not_read_again() -> None:
    data = {"a": {"text": "${b}", "list": ["${b}"], "key": "${b}"}, "b": "secret"}
    value = {"whole": "${a.text}", "part": "x${a.text}", "list": "${a.list}"}
    assert render(value, data) == {"whole": "${b}", "part": "x${b}", "list": ["${b}"]}


def test_keys_are_never_substituted() -> None:
    assert render({"${reserve.status}": "${reserve.status}"}) == {"${reserve.status}": "COMPLETED"}


def test_the_id_of_the_task_is_a_root_of_its_own() -> None:
    assert render("${CPEWF_TASK_ID}", {"CPEWF_TASK_ID": "t-1"}) == "t-1"


def test_environment_variables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAVANE_TEST_VARIABLE", "from the machine")
    assert render("${PAVANE_TEST_VARIABLE}") is None


def test_each_rendering_is_a_new_value() -> None:
    source = {"a": {"b": [1, {"c": 2}]}}
    template = compile_template(source)
    first = template.render(Roots())
    first["a"]["b"][1]["c"] = 3
    first["a"]["b"].append(4)
    assert template.render(Roots()) == {"a": {"b": [1, {"c": 2}]}}
    assert source == {"a": {"b": [1, {"c": 2}]}}
    assert template.constant
    assert not template.reads


def test_reads_are_told_once_and_in_order() -> None:
    template = compile_template(
        {
            "a": "${workflow.input.order.total} ${reserve.output}",
            "b": ["${workflow.input.order.total}", {"c": "${= reserve.output.total + fee.x }"}],
        }
    )
    assert template.reads == (
        Read("workflow", ("input", "order", "total")),
        Read("reserve", ("output",)),
        Read("reserve", ("output", "total")),
        Read("fee", ("x",)),
    )
    assert not template.dynamic
    assert not template.constant


DYNAMIC = [
    ("${a.b.${c.d}.e}", (Read("a", ("b",)), Read("c", ("d",)))),
    ("${a.b.x${c.d}}", (Read("a", ("b",)), Read("c", ("d",)))),
    ("${a.b['${c.d}']}", (Read("a", ("b",)), Read("c", ("d",)))),
    ("${a.b['x.y${c.d}']}", (Read("a", ("b",)), Read("c", ("d",)))),
    ("${a.b[0][?(@.x == '${c.d}')]}", (Read("a", ("b", 0)), Read("c", ("d",)))),
    ("${${c.d}.b}", (Read(""), Read("c", ("d",)))),
    ("${a${c.d}.b}", (Read(""), Read("c", ("d",)))),
]


@pytest.mark.parametrize(("text", "reads"), DYNAMIC)
def test_a_nested_expression_is_dynamic_and_tells_what_is_known(
    text: str, reads: tuple[Read, ...]
) -> None:
    template = compile_template(text)
    assert template.dynamic
    assert template.reads == reads


class RowNotLoaded(Exception):
    pass


class Unloaded:
    def root(self, name: str) -> object:
        raise RowNotLoaded(name)


@pytest.mark.parametrize(
    "text",
    [
        "${a.b}",
        "${a.b[0]}",
        "${a..b}",
        "x${a.b}",
        "${x.${a.b}}",
        "${= a.b }",
        "${= len(a.b) + 1 }",
        "${= any(x for x in a.b) }",
        "${= sum([a.b.c, 1]) }",
        "${= [x + a.b for x in [1]] }",
        "${= 'x'.join([a]) }",
        "${= f'{a.b:>5}' }",
        "${= a.b < 3 and a.b in [a] }",
    ],
)
def test_what_the_lookup_raises_passes_untouched(text: str) -> None:
    with pytest.raises(RowNotLoaded) as raised:
        compile_template({"x": text}).render(Unloaded())
    assert raised.value.__cause__ is None
    assert raised.value.args in {("a",), ("x",)}


COMPUTED = [
    ("${= workflow.input.order.qty * 2 }", 6),
    ("${=1+1}", 2),
    ("x${= 1 + 1 }y", "x2y"),
    ("${= {'a': '}'}['a'] }", "}"),
    ("${= '}' }${= \"{\" }", "}{"),
    ("${= '''a}\"b''' }", 'a}"b'),
    ("${= 'it\\'s }' }", "it's }"),
    ("${= f'{reserve.output.total}!' }", "99!"),
    ("${= '${reserve.output.total}' }", "${reserve.output.total}"),
    ("${= decimal(workflow.input.order.total) * 2 }", "25.00"),
    ("x${= decimal(workflow.input.order.total) * 2 }", "x25.00"),
    ("${= date(workflow.input.order.placed) + timedelta(days=1) }", "2024-06-01"),
    ("x${= null }", "xnull"),
    ("x${= true }", "xtrue"),
    ("x${= [1, {'a': 2}] }", 'x[1,{"a":2}]'),
    ("${= (1, 2) }", [1, 2]),
    ("${= range(3) }", [0, 1, 2]),
    ("${= nowhere }", None),
]


@pytest.mark.parametrize(("text", "value"), COMPUTED)
def test_computed_values(text: str, value: Any) -> None:
    assert render(text) == value


REFUSED = [
    ("${a", "`${` is never closed", "write `$${` for a literal `${`"),
    ("x ${a ${b}", "`${` is never closed", "Close it with `}`"),
    ("${= 'a }", "`${` is never closed", "Close it with `}`"),
    ("${= {1 }", "`${` is never closed", "Close it with `}`"),
    ("${=}", "the expression is empty", "Write one after the `=`"),
    ("${= 1 + }", "it is no expression", "Write one Python expression"),
    ("${= ${a} + 1 }", "cannot stand inside a computed value", "Write the path itself"),
    ("${" * 25 + "a" + "}" * 25, "nested more than 20 deep", "Nest fewer"),
]


@pytest.mark.parametrize(("text", "message", "remedy"), REFUSED)
def test_a_malformed_template_is_refused(text: str, message: str, remedy: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_template({"order": text}, where="inputParameters")
    assert refused.value.message.startswith("inputParameters.order, `")
    assert message in refused.value.message
    assert remedy in refused.value.remedy


def test_deep_templates_are_refused() -> None:
    value: Any = "x"
    for _ in range(3_000):
        value = [value]
    with pytest.raises(ExpressionError, match="nested more than 100 deep") as refused:
        compile_template(value, where="inputParameters")
    assert refused.value.message.startswith("inputParameters[0][0]")
    assert refused.value.remedy == "Make it flatter."


def test_errors_while_rendering_tell_the_place() -> None:
    template = compile_template({"a": ["${= reserve.output.totl }"]}, where="inputParameters")
    with pytest.raises(ExpressionError) as refused:
        template.render(Roots())
    assert refused.value.message == (
        "inputParameters.a[0], `reserve.output.totl`, column 1:"
        " reserve.output has no 'totl'; did you mean 'total'?"
    )
    assert ".get(…)" in refused.value.remedy


def test_a_computed_value_that_json_cannot_hold_is_refused() -> None:
    template = compile_template("${= 1e308 * 10 }", where="inputParameters.x")
    with pytest.raises(ExpressionError, match=r"\.x, `1e308 \* 10`: inf has no place"):
        template.render(Roots())


def test_texts_that_grow_without_bound_are_refused() -> None:
    template = compile_template("${a}" * 20, where="x")
    with pytest.raises(ExpressionError, match="a text of 20000000 characters would result"):
        template.render(Roots({"a": "b" * 1_000_000}))


def test_what_has_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="cannot be written into the text") as refused:
        render("x${a}", {"a": [object()]})
    assert "as it is" in refused.value.remedy


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_values_without_expressions_stay_as_they_are(value: Any) -> None:
    if "${" in repr(value):
        return
    template = compile_template(value)
    assert template.constant
    assert template.render(Roots()) == value


@settings(deadline=None)
@given(json_values)
def test_a_whole_expression_gives_the_very_value(value: Any) -> None:
    template = compile_template({"x": "${a.b}", "y": ["${a['b']}"]})
    made = template.render(Roots({"a": {"b": value}}))
    assert made["x"] is value
    assert made["y"][0] is value


def outcome(text: str, data: dict[str, Any]) -> ExpressionError | None:
    """The error that a template ends in; any other exception fails the test."""
    try:
        compile_template(text).render(Roots(data))
    except ExpressionError as error:
        return error
    return None


@settings(deadline=None)
@given(st.text())
def test_any_text_compiles_or_is_refused(text: str) -> None:
    error = outcome(text, {})
    assert error is None or error.remedy


@settings(deadline=None)
@given(st.text(alphabet="${}[]()'\"@?.,:*!=<>&|ab01- \\"))
def test_any_text_of_signs_compiles_or_is_refused(text: str) -> None:
    for wrapped in (text, "${a" + text + "}", "${a[?(@." + text + ")]}", "${=" + text + "}"):
        error = outcome(wrapped, {"a": {"b": [1, {"a": 2}]}, "b": "a"})
        assert error is None or error.remedy


@settings(deadline=None)
@given(st.text())
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    if "$${" in text:
        return
    assert compile_template(text.replace("${", "$${")).render(Roots()) == text
