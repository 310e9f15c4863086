"""Values of a definition as Python expressions, where each has one that is read the same again."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, cast

from pavane.language.back.inferring import Inferring, is_path, parsed, shape_of
from pavane.language.back.races import Race, winner_in
from pavane.language.back.shapes import CONVERTED, Shape
from pavane.language.back.stubs import NoFormError
from pavane.language.writing import written

_WHOLE = re.compile(r"\$\{([^{}$]*)\}")
_INSIDE = re.compile(r"(?<!\$)\$\{([^{}$]*)\}")
_PART = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]", re.ASCII)

STANDARD = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
}
"""What computed values call that Python must import."""

_REPLACED = (ast.Attribute, ast.Subscript, ast.Name, ast.ListComp, ast.BoolOp, ast.Call, ast.IfExp)
"""What a variable may stand for: paths, lists of results, choices of a winner."""


class Names(dict[str, str]):
    """Python for the paths of one definition: parameters, results of steps, variables."""

    def __init__(self, frame: dict[str, Shape], known: Mapping[str, str] | None = None) -> None:
        super().__init__(known or {})
        self.frame = frame
        self.loose: set[str] = set()  # variables that are dicts, whatever is known of what is in it
        self.races: dict[str, Race] = {}  # by the path of the name of their winner

    def copy(self) -> Names:
        """The same names, to which others can be added."""
        made = Names(self.frame, self)
        made.races = dict(self.races)
        made.loose = set(self.loose)
        return made


def expression(value: Any, names: Names) -> str:
    """Python for a value; NoFormError where there is none."""
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{k!r}: {expression(v, names)}" for k, v in members.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(expression(each, names) for each in cast("list[Any]", value)) + "]"
    return repr(value)


def _text(value: str, names: Names) -> str:
    if "${" not in value:
        return repr(value)
    if value.startswith("${=") and value.endswith("}"):
        return computed(value[3:-1].strip(), names)
    whole = _WHOLE.fullmatch(value)
    return _path(whole[1], names) if whole is not None else _formatted(value, names)


def _formatted(value: str, names: Names) -> str:
    """A text with paths in it as an f-string; `$${` is an escaped `${`."""
    pieces: list[ast.expr] = []
    for index, piece in enumerate(_INSIDE.split(value)):
        if index % 2:
            shown = ast.Name(_path(piece, names), ast.Load())
            pieces.append(ast.FormattedValue(shown, -1, None))
        elif "${" in piece.replace("$${", ""):
            raise NoFormError(value)
        elif piece:
            pieces.append(ast.Constant(piece.replace("$${", "${")))
    if all(isinstance(piece, ast.Constant) for piece in pieces):
        return repr("".join(str(ast.literal_eval(piece)) for piece in pieces))
    try:
        return written(ast.JoinedStr(pieces))
    except ValueError as error:  # quotes of all kinds in it
        raise NoFormError(value) from error


def _path(text: str, names: Names) -> str:
    """`order.lines[0]` as Python reads it from a variable."""
    if parsed(text) is not None:
        return computed(text, names)
    members: list[str | int] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise NoFormError(text)
        members.append(part[1] if part[1] is not None else int(part[2]))
        at = part.end()
    for length in range(len(members), 0, -1):
        root = ".".join(map(str, members[:length]))
        if root in names:
            return names[root] + "".join(f"[{each!r}]" for each in members[length:])
    raise NoFormError(text)


def computed(code: str, names: Names) -> str:
    """A computed value, with the variables in the place of paths."""
    tree = parsed(code)
    if tree is None:
        raise NoFormError(code)
    try:
        return written(in_python(tree, names))
    except (ValueError, RecursionError) as error:
        raise NoFormError(code) from error


def in_python(tree: ast.expr, names: Names) -> ast.expr:
    """The same for a tree. NoFormError where it names what has no variable."""
    Inferring().read(tree, names.frame)
    return _Renaming(names).whole(tree)


class _Renaming(ast.NodeTransformer):
    """Puts variables in the place of paths, and leaves out what the language adds by itself."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._own: set[str] = set()  # the variables of comprehensions around

    def whole(self, node: ast.expr) -> ast.expr:
        """The root, where what travels is meant, so that conversions are the author's."""
        if isinstance(node, (ast.List, ast.Tuple)):
            kind = shape_of(node).elements().kind
            node.elts = [self.whole(_converted(each, kind)) for each in node.elts]
            return node
        replaced = self._replaced(node)
        if replaced is not None:
            return replaced
        if (listed := _listed(node)) is not None:
            return ast.Call(ast.Name("list", ast.Load()), [self.visit(listed)], [])
        if isinstance(node, ast.Call):
            return self._call(node)
        return self._parts(node)

    def visit(self, node: ast.AST) -> Any:
        """Replace the longest path that a variable stands for."""
        if not isinstance(node, ast.expr):
            return self.generic_visit(node)
        replaced = self._replaced(node)
        if replaced is not None:
            return replaced
        plain = _unconverted(node)
        if plain is not None:
            return self.visit(plain)
        if (listed := _listed(node)) is not None:
            return ast.Call(ast.Name("list", ast.Load()), [self.visit(listed)], [])
        return self._call(node) if isinstance(node, ast.Call) else self._parts(node)

    def _replaced(self, node: ast.expr) -> ast.expr | None:
        if isinstance(node, _REPLACED):
            found = self._names.get(ast.unparse(node))
            if found is not None:
                return ast.Name(found, ast.Load())
        if isinstance(node, ast.IfExp) and (race := self._race(node.test)) is not None:
            return race.result(node)
        if isinstance(node, ast.Compare) and (race := self._race(node)) is not None:
            return race.question(node)
        return None

    def _race(self, test: ast.expr) -> Race | None:
        return self._names.races.get(winner_in(test))

    def _parts(self, node: ast.expr) -> ast.expr:
        if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            stored = [name for each in node.generators for name in ast.walk(each.target)]
            targets = {each.id for each in stored if isinstance(each, ast.Name)}
            before, self._own = self._own, self._own | targets
            made = self.generic_visit(node)
            self._own = before
            return cast("ast.expr", made)
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id not in self._own
        ):
            raise NoFormError(node.id)
        if isinstance(node, ast.Attribute):
            base = self.visit(node.value)
            is_loose = isinstance(base, ast.Name) and base.id in self._names.loose
            if node.attr in shape_of(node.value).record and not is_loose:
                return ast.Attribute(base, node.attr, ast.Load())
            return ast.Subscript(base, ast.Constant(node.attr), ast.Load())
        return cast("ast.expr", self.generic_visit(node))

    def _call(self, node: ast.Call) -> ast.expr:
        """A call of one of the evaluator's functions, of a method, or a field with a default."""
        func: ast.expr
        if isinstance(node.func, ast.Attribute):
            base = self.visit(node.func.value)
            match node.func.attr, node.args:
                case "get", [ast.Constant(value=str(name)), _] if (
                    name in shape_of(node.func.value).record
                ):
                    return ast.Attribute(base, name, ast.Load())
                case _:
                    func = ast.Attribute(base, node.func.attr, ast.Load())
        elif isinstance(node.func, ast.Name):
            shown = CONVERTED.get(node.func.id, node.func.id)
            func = ast.Name(shown, ast.Load())
        else:
            raise NoFormError(ast.unparse(node))
        named = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        return ast.Call(func, [self.visit(each) for each in node.args], named)


def _listed(node: ast.expr) -> ast.expr | None:
    """What `list(…)` makes a list of, as the language writes it."""
    match node:
        case ast.ListComp(elt=ast.Name(id=name), generators=[ast.comprehension() as each]) if (
            isinstance(each.target, ast.Name) and each.target.id == name and not each.ifs
        ):
            return each.iter
        case _:
            return None


def _converted(node: ast.expr, kind: str) -> ast.expr:
    """A text that travels as the constant that it stands for, in a list of these."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    if not is_text or kind not in ("Decimal", "UUID"):
        return node
    function = next(name for name, each in CONVERTED.items() if each == kind)
    return ast.Call(ast.Name(function, ast.Load()), [node], [])


def _unconverted(node: ast.expr) -> ast.expr | None:
    """What is converted from the wire, where the language does so because of its type."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in CONVERTED:
            shape = shape_of(inner)
            fits = shape.kind == CONVERTED[name] and not shape.is_optional
            return inner if fits and is_path(inner) else None
        case ast.IfExp(
            test=ast.Compare(left=tested, ops=[ast.IsNot()]),
            body=ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]),
            orelse=ast.Constant(value=None),
        ) if name in CONVERTED:
            shape = shape_of(inner)
            fits = shape.kind == CONVERTED[name] and shape.is_optional and is_path(inner)
            return inner if fits and ast.dump(tested) == ast.dump(inner) else None
        case ast.ListComp(
            elt=ast.Call(func=ast.Name(id=name), args=[ast.Name()], keywords=[]),
            generators=[ast.comprehension(iter=source, ifs=[])],
        ) if name in CONVERTED:
            inner = shape_of(source).elements()
            return source if inner.kind == CONVERTED[name] and not inner.is_optional else None
        case ast.ListComp(
            elt=ast.IfExp(
                test=ast.Compare(ops=[ast.IsNot()]), body=ast.Call(func=ast.Name(id=name))
            ),
            generators=[ast.comprehension(iter=source, ifs=[])],
        ) if name in CONVERTED:
            inner = shape_of(source).elements()
            return source if inner.kind == CONVERTED[name] and inner.is_optional else None
        case _:
            return None
