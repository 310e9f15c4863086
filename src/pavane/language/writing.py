"""Expressions as text for the evaluator: one way to write each, whatever the version of Python.

The text is content of the definition, so it must not depend on how a Python release prints trees.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

_TEST, _OR, _AND, _NOT, _COMPARE, _SUM, _TERM, _SIGN, _POWER, _ATOM = range(10)

_BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("-", _SUM),
    ast.Mult: ("*", _TERM),
    ast.Div: ("/", _TERM),
    ast.FloorDiv: ("//", _TERM),
    ast.Mod: ("%", _TERM),
    ast.Pow: ("**", _POWER),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def written(expr: ast.expr) -> str:
    """The text of an expression; ValueError for one that cannot be written on one line."""
    return _text(expr, _TEST)


def _text(node: ast.expr, least: int) -> str:
    """The text of a part, in brackets where it binds less than its place demands."""
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise ValueError(f"`{type(node).__name__}` has no text")
    text, binds = writer(node)
    return f"({text})" if binds < least else text


Written = tuple[str, int]


def _constant(node: ast.Constant) -> Written:
    value = node.value
    is_negative = isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0
    return repr(value), _SIGN if is_negative else _ATOM


def _name(node: ast.Name) -> Written:
    return node.id, _ATOM


def _attribute(node: ast.Attribute) -> Written:
    whole_number = isinstance(node.value, ast.Constant) and isinstance(node.value.value, int)
    owner = _text(node.value, _ATOM)
    return f"{f'({owner})' if whole_number else owner}.{node.attr}", _ATOM


def _subscript(node: ast.Subscript) -> Written:
    return f"{_text(node.value, _ATOM)}[{_index(node.slice)}]", _ATOM


def _index(node: ast.expr) -> str:
    if not isinstance(node, ast.Slice):
        return _text(node, _TEST)
    ends = [_text(end, _TEST) if end is not None else "" for end in (node.lower, node.upper)]
    step = f":{_text(node.step, _TEST)}" if node.step is not None else ""
    return ":".join(ends) + step


def _binary(node: ast.BinOp) -> Written:
    symbol, binds = _BINARY[type(node.op)]
    if isinstance(node.op, ast.Pow):
        return f"{_text(node.left, _ATOM)} ** {_text(node.right, _SIGN)}", _POWER
    return f"{_text(node.left, binds)} {symbol} {_text(node.right, binds + 1)}", binds


def _unary(node: ast.UnaryOp) -> Written:
    if isinstance(node.op, ast.Not):
        return f"not {_text(node.operand, _NOT)}", _NOT
    return f"{'-' if isinstance(node.op, ast.USub) else '+'}{_text(node.operand, _SIGN)}", _SIGN


def _boolean(node: ast.BoolOp) -> Written:
    word, binds = (" or ", _OR) if isinstance(node.op, ast.Or) else (" and ", _AND)
    return word.join(_text(each, binds + 1) for each in node.values), binds


def _comparison(node: ast.Compare) -> Written:
    text = _text(node.left, _SUM)
    for operator, right in zip(node.ops, node.comparators, strict=True):
        text += f" {_COMPARISONS[type(operator)]} {_text(right, _SUM)}"
    return text, _COMPARE


def _conditional(node: ast.IfExp) -> Written:
    body, test = _text(node.body, _OR), _text(node.test, _OR)
    return f"{body} if {test} else {_text(node.orelse, _TEST)}", _TEST


def _call(node: ast.Call) -> Written:
    only = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if isinstance(only, ast.GeneratorExp):  # needs no brackets of its own
        return f"{_text(node.func, _ATOM)}({_loop(only.elt, only.generators)})", _ATOM
    arguments = [_text(each, _TEST) for each in node.args]
    arguments += [f"{each.arg}={_text(each.value, _TEST)}" for each in node.keywords]
    return f"{_text(node.func, _ATOM)}({', '.join(arguments)})", _ATOM


def _list(node: ast.List) -> Written:
    return f"[{', '.join(_text(each, _TEST) for each in node.elts)}]", _ATOM


def _starred(node: ast.Starred) -> Written:
    return f"*{_text(node.value, _SUM)}", _TEST  # the grammar has no bare `or` behind it


def _tuple(node: ast.Tuple) -> Written:
    items = ", ".join(_text(each, _TEST) for each in node.elts)
    return f"({items}{',' if len(node.elts) == 1 else ''})", _ATOM


def _dict(node: ast.Dict) -> Written:
    pairs: list[str] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            pairs.append(f"**{_text(value, _SUM)}")
        else:
            pairs.append(f"{_text(key, _TEST)}: {_text(value, _TEST)}")
    return f"{{{', '.join(pairs)}}}", _ATOM


def _loop(item: ast.expr, loops: Sequence[ast.comprehension]) -> str:
    text = _text(item, _TEST)
    for each in loops:
        text += f" for {_target(each.target)} in {_text(each.iter, _OR)}"
        text += "".join(f" if {_text(test, _OR)}" for test in each.ifs)
    return text


def _target(node: ast.expr) -> str:
    """What stands behind `for`: a tuple needs no brackets there."""
    text = _text(node, _TEST)
    is_pair = isinstance(node, ast.Tuple) and len(node.elts) > 1
    return text[1:-1] if is_pair else text


def _list_of(node: ast.ListComp) -> Written:
    return f"[{_loop(node.elt, node.generators)}]", _ATOM


def _generator(node: ast.GeneratorExp) -> Written:
    return f"({_loop(node.elt, node.generators)})", _ATOM


def _dict_of(node: ast.DictComp) -> Written:
    pair = f"{_text(node.key, _TEST)}: "
    return f"{{{pair}{_loop(node.value, node.generators)}}}", _ATOM


# formatted texts


def _formatted(node: ast.JoinedStr) -> Written:
    pieces = [_piece(piece) for piece in node.values]
    inside = "".join(text for text, is_code in pieces if is_code)
    if "\\" in inside or "\n" in inside:
        return _as_sum(node), _SUM
    for quote in ("'", '"', "'''", '"""'):
        if quote not in inside and not (len(quote) == 3 and quote[0] * 2 in inside):
            body = "".join(
                text if is_code else _escaped(text, quote[0]) for text, is_code in pieces
            )
            return f"f{quote}{body}{quote}", _ATOM
    return _as_sum(node), _SUM


def _piece(node: ast.expr) -> tuple[str, bool]:
    """The text of a piece of an f-string, and whether it is code in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value), False
    assert isinstance(node, ast.FormattedValue)
    code = _text(node.value, _OR)
    space = " " if code.startswith("{") else ""  # else it would read as an escaped brace
    conversion = f"!{chr(node.conversion)}" if node.conversion >= 0 else ""
    return f"{{{space}{code}{conversion}{_format(node.format_spec)}}}", True


def _format(spec: ast.expr | None) -> str:
    if spec is None:
        return ""
    values = spec.values if isinstance(spec, ast.JoinedStr) else [spec]
    return ":" + "".join(_piece(piece)[0] for piece in values)


def _escaped(text: str, quote: str) -> str:
    shown = repr(text + "'\"")[1:-4]  # with both quotes in it, repr always takes single ones
    shown = shown.replace("\\'", "'").replace(quote, f"\\{quote}")
    return shown.replace("{", "{{").replace("}", "}}")


def _as_sum(node: ast.JoinedStr) -> str:
    """An f-string whose parts cannot stand in one, as a sum of texts."""
    parts: list[str] = ["''"] if isinstance(node.values[0], ast.FormattedValue) else []
    for piece in node.values:
        if isinstance(piece, ast.FormattedValue):
            if piece.format_spec is not None:
                raise ValueError("a format of a value with a backslash in it has no text")
            parts.append(f"str({_text(piece.value, _TEST)})")
        else:
            parts.append(_text(piece, _ATOM))
    return " + ".join(parts)


_WRITERS: dict[type[ast.expr], Callable[[Any], Written]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
    ast.IfExp: _conditional,
    ast.Call: _call,
    ast.List: _list,
    ast.Starred: _starred,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.ListComp: _list_of,
    ast.GeneratorExp: _generator,
    ast.DictComp: _dict_of,
    ast.JoinedStr: _formatted,
}
