"""The shapes of data in an expression, by how it is used there."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from pavane.language.back.shapes import CONVERTED, Member, Shape

_SHAPE = "pavane_shape"
_TEXT_METHODS = frozenset(
    (
        *("upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "casefold"),
        *("swapcase", "removeprefix", "removesuffix", "replace", "join", "zfill", "ljust"),
        *("rjust", "center"),
    )
)
_TEXT_TESTS = frozenset(
    (
        *("startswith", "endswith", "isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric"),
        *("isspace", "isupper", "islower", "istitle", "isascii"),
    )
)
_NUMBERS = frozenset({"int", "float", "Decimal", "bool"})
Names = Mapping[str, Shape]


def shape_of(node: ast.AST) -> Shape:
    """The shape that was inferred for a node; of nothing known where none was."""
    found = getattr(node, _SHAPE, None)
    return found if isinstance(found, Shape) else Shape()


class Inferring:
    """Reads expressions, each of which may say something of the shapes in it."""

    def __init__(self) -> None:
        self._sums: list[tuple[ast.operator, Shape, Shape, Shape]] = []
        self._alike: list[tuple[Shape, Shape]] = []
        self._spread: list[tuple[Shape, Shape]] = []

    def read(self, node: ast.expr, names: Names) -> Shape:
        """The shape of an expression; it is noted on each node."""
        shape = self._read(node, names)
        setattr(node, _SHAPE, shape)
        return shape

    def settle(self) -> None:
        """Follow what is known through arithmetic and comparisons, as far as it leads."""
        for source, element in self._spread:
            if not source.known.kinds and not source.known.is_scalar:  # a text has letters
                source.elements().unite(element)
        while any([*(self._sum(*each) for each in self._sums), *map(self._pair, self._alike)]):
            pass
        for operator, left, right, _ in self._sums:
            if not isinstance(operator, ast.Add):
                for each in (left, right):
                    each.known.likely |= set() if each.known.kinds else {"int"}
        while any([*(self._sum(*each) for each in self._sums), *map(self._pair, self._alike)]):
            pass

    def _read(self, node: ast.expr, names: Names) -> Shape:  # one for each kind
        match node:
            case ast.Constant(value=value):
                is_none = value is None
                return Shape("" if is_none else type(value).__name__, may_be_none=is_none)
            case ast.Name(id=name):
                return names.get(name) or Shape()
            case ast.Attribute(value=base, attr=name):
                return self.read(base, names).member(name)
            case ast.Subscript():
                return self._item(node, names)
            case ast.BinOp(left=left, op=operator, right=right):
                made = Shape()
                self._sums.append(
                    (operator, self._bare(left, names), self._bare(right, names), made)
                )
                return made
            case ast.BoolOp(values=values):
                return self._joined([self.read(each, names) for each in values])
            case ast.UnaryOp(op=operator, operand=operand):
                inner = self.read(operand, names)
                return Shape("bool") if isinstance(operator, ast.Not) else inner
            case ast.Compare():
                return self._compare(node, names)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.read(test, names)
                return self._joined([self.read(body, names), self.read(orelse, names)])
            case ast.JoinedStr():
                return self._text(node, names)
            case ast.Call():
                return self._call(node, names)
            case _:
                return self._display(node, names)

    def _bare(self, node: ast.expr, names: Names) -> Shape:
        """The shape of an operand, which is converted if it must be."""
        shape = self.read(node, names)
        if is_path(node):
            shape.known.is_bare = True
        return shape

    @staticmethod
    def _joined(shapes: list[Shape]) -> Shape:
        """The shape of a value that is one of several."""
        values = [each for each in shapes if not (each.uses.may_be_none and not each.known.kinds)]
        if not values:
            return shapes[0]
        made = Shape()
        for each in values:
            made.unite(each)
        made.uses.may_be_none = any(each.uses.may_be_none for each in shapes)
        return made

    def _item(self, node: ast.Subscript, names: Names) -> Shape:
        base = self.read(node.value, names)
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                if bound is not None:
                    self.read(bound, names).known.likely.add("int")
            return base
        key = self.read(node.slice, names)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            base.known.is_mapping |= isinstance(node.value, (ast.Attribute, ast.Name))
            return base.member(node.slice.value)
        if isinstance(node.slice, ast.Constant) and f"[{node.slice.value}]" in base.known.fields:
            return base.member(f"[{node.slice.value}]")
        return base if base.kind == "str" or key.kind == "str" else base.elements()

    def _compare(self, node: ast.Compare, names: Names) -> Shape:
        nodes = [node.left, *node.comparators]
        shapes = [self.read(each, names) for each in nodes]
        if not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            shapes = [self._bare(each, names) for each in nodes]
        for at, operator in enumerate(node.ops):
            left, right = shapes[at], shapes[at + 1]
            if isinstance(operator, (ast.Is, ast.IsNot)):
                left.uses.may_be_none = True
            elif isinstance(operator, (ast.In, ast.NotIn)):
                if isinstance(nodes[at + 1], (ast.List, ast.Tuple)):
                    self._alike.append((left, right.elements()))
            else:
                self._alike.append((left, right))
        return Shape("bool")

    def _text(self, node: ast.JoinedStr, names: Names) -> Shape:
        """An f-string, in which a path is no text for sure if it is the only thing in it."""
        pieces = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
        for each in pieces:
            shape = self.read(each, names)
            shape.known.is_scalar |= is_path(each)
            if len(pieces) == 1 and isinstance(each, (ast.Attribute, ast.Name)):
                shape.uses.computed_in_texts = True
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "float":
                shape_of(each.args[0]).known.kinds.add("float")
        return Shape("str")

    def _call(self, node: ast.Call, names: Names) -> Shape:
        name = ast.unparse(node.func)
        read = self._bare if name in ("min", "max", "round", "abs") else self.read
        given = [read(each, names) for each in node.args]
        if name == "sum" and isinstance(node.args[0], (ast.ListComp, ast.GeneratorExp)):
            inner = node.args[0].elt
            shape_of(inner).known.is_bare |= is_path(inner)
        given += [self.read(each.value, names) for each in node.keywords]
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, names)
        if name in CONVERTED:
            if len(given) == 1 and is_path(node.args[0]):
                given[0].known.kinds.add(CONVERTED[name])
            return Shape(CONVERTED[name])
        if name in ("str", "int", "float", "bool"):
            return Shape(name)
        return self._built_in(name, given)

    @staticmethod
    def _built_in(name: str, given: list[Shape]) -> Shape:
        made = Shape({"len": "int", "any": "bool", "all": "bool"}.get(name, ""))
        match name:
            case "min" | "max":
                if len(given) == 1:
                    return given[0].elements()
                return Inferring._joined(given)
            case "sum":
                made.unite(given[1] if len(given) > 1 else given[0].elements())
            case "range":
                made.elements().known.kinds.add("int")
                for each in given:
                    each.known.likely.add("int")
            case "zip":
                for at, each in enumerate(given):
                    made.elements().member(f"[{at}]").become(each.elements())
            case "enumerate":
                made.elements().member("[0]").known.kinds.add("int")
                made.elements().member("[1]").become(given[0].elements())
            case "round" | "abs" if given:
                return given[0] if len(given) > 1 or name == "abs" else Shape("int")
            case "sorted" if given:
                made.elements().unite(given[0].elements())
            case _:
                pass
        return made

    def _method(self, node: ast.Call, func: ast.Attribute, names: Names) -> Shape:
        base = self.read(func.value, names)
        match func.attr, node.args:
            case "get", [ast.Constant(value=str(name)), default]:
                return self._left_out(base.field(name, ast.literal_eval(default)))
            case "get", [ast.Constant(value=str(name))] if isinstance(func.value, ast.Call):
                return base.member(name)  # of what a branch gave, perhaps
            case "get", [_, ast.Dict(keys=[])]:
                return base.member("*") if "*" in base.known.fields else Shape()
            case "get" | "items" | "keys" | "values", _:
                base.known.is_mapping = True
                return Shape()
            case (("split" | "splitlines"), _):
                base.known.kinds.add("str")
                made = Shape()
                made.elements().known.kinds.add("str")
                return made
            case name, _ if name in _TEXT_METHODS:
                base.known.kinds.add("str")
                return Shape("str")
            case name, _ if name in _TEXT_TESTS:
                base.known.kinds.add("str")
                return Shape("bool")
            case "total_seconds", _:
                return Shape("float")
            case _:
                return Shape()

    @staticmethod
    def _left_out(found: Member) -> Shape:
        """A field that has a default."""
        value = found.default
        if isinstance(value, (bool, int, float)):
            found.shape.known.kinds.add(type(value).__name__)
        elif isinstance(value, str):
            found.shape.known.likely.add("str")
        elif value is None:
            found.shape.uses.may_be_none = True
        return found.shape

    def _display(self, node: ast.expr, names: Names) -> Shape:
        made = Shape()
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                for each in items:
                    if isinstance(each, ast.Starred):
                        self._spread.append((self.read(each.value, names), made.elements()))
                    else:
                        shape = self.read(each, names)
                        if shape.known.kinds or len(items) == 1:
                            made.elements().unite(shape)
                if len({next(iter(shape_of(each).known.kinds), "") for each in items}) > 1:
                    made = Shape()
                made.elements()
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                inner = self._within(node.generators, names)
                made.elements().become(self.read(node.elt, inner))
            case ast.DictComp():
                inner = self._within(node.generators, names)
                self.read(node.key, inner)
                self.read(node.value, inner)
                made.known.is_mapping = True
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        self.read(value, names).known.is_mapping = True
                    else:
                        self.read(key, names)
                        self.read(value, names)
                made.known.is_mapping = True
            case _:
                pass
        return made

    def _within(self, generators: list[ast.comprehension], names: Names) -> Names:
        inner: dict[str, Shape] = dict(names)
        for each in generators:
            source = self.read(each.iter, inner)
            if isinstance(each.target, ast.Name):
                known = source.known
                inner[each.target.id] = Shape() if known.is_mapping else source.elements()
            for test in each.ifs:
                self.read(test, inner)
        return inner

    @staticmethod
    def _sum(operator: ast.operator, left: Shape, right: Shape, made: Shape) -> bool:
        """What arithmetic says; whether that is news."""
        kinds = [each.kind if each.known.kinds else "" for each in (left, right)]
        if any(each.known.element is not None for each in (left, right)):
            return False
        before = [len(each.known.kinds) for each in (left, right, made)]
        if isinstance(operator, ast.Add) and "str" in kinds:
            for each in (left, right, made):
                each.known.kinds |= set() if each.known.kinds else {"str"}
        elif any(kind in _NUMBERS for kind in kinds):
            for each in (left, right):
                each.known.kinds |= set() if each.known.kinds else {"int"}
            result = "Decimal" if "Decimal" in kinds else "float" if "float" in kinds else "int"
            result = "float" if result == "int" and isinstance(operator, ast.Div) else result
            made.known.kinds |= set() if made.known.kinds else {result}
        return before != [len(each.known.kinds) for each in (left, right, made)]

    @staticmethod
    def _pair(pair: tuple[Shape, Shape]) -> bool:
        """What is compared is of one kind; whether that is news."""
        for one, other in (pair, pair[::-1]):
            if (
                not one.known.kinds
                and other.known.kinds
                and other.kind in ("int", "str", "bool", "float")
            ):
                one.known.kinds.add(other.kind)
                return True
        return False


def is_path(node: ast.expr) -> bool:
    """Whether an expression reads one place: names, members, fields with a default."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=base) | ast.Subscript(value=base, slice=ast.Constant()):
                node = base
            case ast.Call(func=ast.Attribute(value=base, attr="get"), args=[ast.Constant(), _]):
                node = base
            case _:
                return False
    return True


def parsed(code: str) -> ast.expr | None:
    """The tree of an expression, None for what is none."""
    try:
        return ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
