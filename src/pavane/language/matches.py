"""`match` read as the chain of `if`s that it stands for, so that one set of rules serves both."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pavane.language.bindings import assigned_names, own_names
from pavane.language.source import FunctionNode


class Narrowed(ast.expr):
    """A value inside a case that says of which class it is."""

    _fields = ("value",)
    value: ast.expr
    cls: ast.expr


class IsA(ast.expr):
    """Whether a value is of one of some classes; `taken` are those of the cases before, or None.

    Without classes: whether it is None.
    """

    _fields = ("value",)
    value: ast.expr
    classes: list[ast.expr]
    taken: list[ast.expr]


class Refused(ast.expr):
    """A pattern that the language does not have."""

    _fields = ()
    message: str
    remedy: str


def without_matches(node: FunctionNode) -> FunctionNode:
    """The same function with `if` for every `match`; it changes the tree in place."""
    made: FunctionNode = _Rewriting(_bindings(node)).visit(node)
    return made


@dataclass(slots=True)
class _Reading:
    """What a pattern asks, what it names, and the name that it knows the class of."""

    tests: list[ast.expr] = field(default_factory=list[ast.expr])
    captures: list[tuple[ast.pattern, str, ast.expr]] = field(
        default_factory=list[tuple[ast.pattern, str, ast.expr]]
    )
    narrowed: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    taken: list[ast.expr] = field(default_factory=list[ast.expr])
    elsewhere: set[str] = field(default_factory=set[str])


class _Rewriting(ast.NodeTransformer):
    def __init__(self, everywhere: Counter[str]) -> None:
        self._everywhere = everywhere
        self._count = 0

    def visit_Match(self, node: ast.Match) -> list[ast.stmt]:
        """Statements instead of a `match`, its inner ones included."""
        self.generic_visit(node)
        if _is_decision(node.subject):
            return [node]
        here = _bindings(node)
        elsewhere = {name for name in here if self._everywhere[name] > here[name]}
        before: list[ast.stmt] = []
        if isinstance(node.subject, ast.Tuple):
            parts = [self._subject(each, before) for each in node.subject.elts]
            subject: ast.expr = ast.copy_location(ast.Tuple(parts, ast.Load()), node.subject)
        else:
            subject = self._subject(node.subject, before)
        rest: list[ast.stmt] = []
        taken = [_takes(case) for case in node.cases]
        for at, case in reversed([*enumerate(node.cases)]):
            before_it = [each for classes in taken[:at] for each in classes]
            found = _Reading(taken=before_it, elsewhere=elsewhere)
            rest = _written(case, subject, rest, found)
        for each in (*before, *rest):
            ast.fix_missing_locations(each)
        return [*before, *rest]

    def _subject(self, node: ast.expr, before: list[ast.stmt]) -> ast.expr:
        """What the cases look at: a variable, so that a step is awaited once."""
        if isinstance(node, ast.Name):
            return node
        self._count += 1
        name = f"match subject {self._count}"  # no name that a program could have
        stored = ast.copy_location(ast.Name(name, ast.Store()), node)
        before.append(ast.copy_location(ast.Assign([stored], node), node))
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def _is_decision(node: ast.expr) -> bool:
    """Whether a subject is a SWITCH written out."""
    func = node.func if isinstance(node, ast.Call) else None
    return isinstance(func, ast.Name) and func.id == "decision"


def _bindings(node: ast.AST) -> Counter[str]:
    """How often each name is bound in a part of the program."""
    found: Counter[str] = Counter()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found[each.id] += 1
        elif isinstance(each, ast.arg):
            found[each.arg] += 1
        elif isinstance(each, (ast.MatchAs, ast.MatchStar)) and each.name is not None:
            found[each.name] += 1
    return found


def _takes(case: ast.match_case) -> list[ast.expr]:
    """The classes of which no value goes on to the next case; None stands for itself."""
    if case.guard is not None:
        return []
    inner = case.pattern
    while isinstance(inner, ast.MatchAs) and inner.pattern is not None:
        inner = inner.pattern
    ways = inner.patterns if isinstance(inner, ast.MatchOr) else [inner]
    found: list[ast.expr] = []
    for each in ways:
        if isinstance(each, ast.MatchSingleton) and each.value is None:
            found.append(ast.Constant(None))
        else:
            found += filter(None, [_any_of_class(each)])
    return found


def _any_of_class(pattern: ast.pattern) -> ast.expr | None:
    """The class whose every value a pattern fits; it may capture fields."""
    if not isinstance(pattern, ast.MatchClass) or pattern.patterns:
        return None
    is_open = all(isinstance(p, ast.MatchAs) and p.pattern is None for p in pattern.kwd_patterns)
    return pattern.cls if is_open else None


def _bare_class(pattern: ast.pattern) -> ast.expr | None:
    """The class of `Paid()`."""
    is_bare = isinstance(pattern, ast.MatchClass) and not pattern.kwd_patterns
    return _any_of_class(pattern) if is_bare else None


def _written(
    case: ast.match_case, subject: ast.expr, rest: list[ast.stmt], found: _Reading
) -> list[ast.stmt]:
    """A case as an `if` with the other cases in its `else`; a case that always fits as it is."""
    _read(case.pattern, subject, found)
    named: list[ast.stmt] = [
        ast.copy_location(ast.Assign([_stored(pattern, name)], value), pattern)
        for pattern, name, value in found.captures
    ]
    assigned = {*assigned_names(case.body), *(name for _, name, _ in found.captures)}
    known = {name: cls for name, cls in found.narrowed.items() if name not in assigned}
    body: list[ast.stmt] = [_Narrowing(known).visit(each) for each in case.body]
    if case.guard is not None and not found.tests:  # the pattern always fits: so it names first
        return [*named, ast.copy_location(ast.If(case.guard, body, rest), case.pattern)]
    if case.guard is not None:
        found.tests.append(_guard(case.guard, found, known))
    if not found.tests:
        return [*named, *body]
    test = _all(case.pattern, found.tests)
    return [ast.copy_location(ast.If(test, [*named, *body], rest), case.pattern)]


def _guard(guard: ast.expr, found: _Reading, known: dict[str, ast.expr]) -> ast.expr:
    """The guard, which reads what the case captures where that stands."""
    meanings = {name: value for _, name, value in found.captures}
    lasting = [name for name in meanings if name in found.elsewhere]
    if not lasting:
        seen: ast.expr = _Narrowing(known, meanings).visit(guard)
        return seen
    name = lasting[0]
    return _refused(
        guard,
        f"'{name}' is captured by a case with a guard, and would stay assigned where that fails",
        f"Use a name that is assigned nowhere else, or ask in the guard without '{name}'.",
    )


def _stored(place: ast.AST, name: str) -> ast.Name:
    return ast.copy_location(ast.Name(name, ast.Store()), place)


def _read(pattern: ast.pattern, subject: ast.expr, found: _Reading) -> None:
    """Add what a pattern asks of a subject."""
    if isinstance(pattern, ast.MatchValue):
        found.tests.append(_compared(pattern, subject, ast.Eq(), pattern.value))
    elif isinstance(pattern, ast.MatchSingleton) and pattern.value is None and found.taken:
        found.tests.append(_is_a(pattern, subject, [], found))
    elif isinstance(pattern, ast.MatchSingleton):
        constant = ast.copy_location(ast.Constant(pattern.value), pattern)
        found.tests.append(_compared(pattern, subject, ast.Is(), constant))
    elif isinstance(pattern, ast.MatchOr):
        _any_of(pattern, subject, found)
    elif isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            _read(pattern.pattern, subject, found)
        if pattern.name is not None:
            found.captures.append((pattern, pattern.name, _seen(subject, pattern.pattern)))
    elif isinstance(pattern, ast.MatchClass):
        _of_class(pattern, subject, found)
    elif isinstance(pattern, ast.MatchSequence) and isinstance(subject, ast.Tuple):
        _each(pattern, subject, found)
    else:
        what = "a dict" if isinstance(pattern, ast.MatchMapping) else "a list"
        _refuse(
            found,
            pattern,
            f"a case cannot take {what} apart in the workflow language",
            "Match on a field of it, or on a tuple that is written out: match a, b:.",
        )


def _compared(
    place: ast.pattern, subject: ast.expr, operator: ast.cmpop, value: ast.expr
) -> ast.Compare:
    left = ast.copy_location(copy.copy(subject), place)  # so that findings point at the case
    return ast.copy_location(ast.Compare(left, [operator], [value]), place)


def _any_of(pattern: ast.MatchOr, subject: ast.expr, found: _Reading) -> None:
    """`"a" | "b"`: one of several."""
    values = [each.value for each in pattern.patterns if isinstance(each, ast.MatchValue)]
    if len(values) == len(pattern.patterns):
        shown = ast.copy_location(ast.Tuple(values, ast.Load()), pattern)
        found.tests.append(_compared(pattern, subject, ast.In(), shown))
        return
    classes = [*filter(None, map(_bare_class, pattern.patterns))]
    if len(classes) == len(pattern.patterns):
        found.tests.append(_is_a(pattern, subject, classes, found))
        return
    ways: list[ast.expr] = []
    for each in pattern.patterns:
        inner = _Reading(taken=found.taken)
        _read(each, subject, inner)
        if inner.captures:
            message = "a case with `|` cannot capture names in the workflow language"
            _refuse(found, each, message, "Write a case of its own for each.")
            return
        ways.append(_all(each, inner.tests))
    found.tests.append(ast.copy_location(ast.BoolOp(ast.Or(), ways), pattern))


def _all(place: ast.pattern, tests: list[ast.expr]) -> ast.expr:
    if len(tests) == 1:
        return tests[0]
    return ast.copy_location(ast.BoolOp(ast.And(), tests), place)


def _of_class(pattern: ast.MatchClass, subject: ast.expr, found: _Reading) -> None:
    """`Paid(status="ok", id=x)`."""
    if pattern.patterns:
        _refuse(
            found,
            pattern.patterns[0],
            "a case names the fields that it asks for in the workflow language",
            f"Write `case {ast.unparse(pattern.cls)}(field=…)`.",
        )
    found.tests.append(_is_a(pattern, subject, [pattern.cls], found))
    if isinstance(subject, ast.Name):
        found.narrowed[subject.id] = pattern.cls
    inside = _seen(subject, pattern)
    for name, each in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        part = ast.copy_location(ast.Attribute(inside, name, ast.Load()), each)
        inner = _Reading(found.tests, found.captures, found.narrowed)
        _read(each, part, inner)


def _is_a(place: ast.pattern, subject: ast.expr, classes: list[ast.expr], found: _Reading) -> IsA:
    asks = ast.copy_location(IsA(), place)
    asks.value, asks.classes, asks.taken = subject, classes, found.taken
    return asks


def _seen(subject: ast.expr, pattern: ast.pattern | None) -> ast.expr:
    """The subject, of the class that its pattern names."""
    if not isinstance(pattern, ast.MatchClass):
        return subject
    return _narrowed(subject, pattern.cls, pattern)


def _narrowed(value: ast.expr, cls: ast.expr, place: ast.AST) -> Narrowed:
    made = ast.copy_location(Narrowed(), place)
    made.value, made.cls = value, cls
    return made


def _each(pattern: ast.MatchSequence, subject: ast.Tuple, found: _Reading) -> None:
    """`case "x", 1` for a subject that is a tuple, written out."""
    if len(pattern.patterns) != len(subject.elts):
        message = f"the subject has {len(subject.elts)} values, so this case fits never"
        _refuse(found, pattern, message, "Write one pattern for each value.")
        return
    inner = _Reading(found.tests, found.captures, found.narrowed)
    for each, part in zip(pattern.patterns, subject.elts, strict=True):
        _read(each, part, inner)


def _refuse(found: _Reading, pattern: ast.pattern, message: str, remedy: str) -> None:
    """A pattern that there is not; of what it names nothing is known."""
    made = _refused(pattern, message, remedy)
    found.tests.append(made)
    for each in ast.walk(pattern):
        name = each.name if isinstance(each, (ast.MatchAs, ast.MatchStar)) else None
        if isinstance(each, ast.MatchMapping):
            name = each.rest
        if name is not None:
            found.captures.append((pattern, name, made))


def _refused(place: ast.AST, message: str, remedy: str) -> Refused:
    made = ast.copy_location(Refused(), place)
    made.message, made.remedy = message, remedy
    return made


_Binding = ast.FunctionDef | ast.AsyncFunctionDef


class _Narrowing(ast.NodeTransformer):
    """Notes on each reading of a variable the class that a case has found it to be of."""

    def __init__(
        self, known: dict[str, ast.expr], meanings: dict[str, ast.expr] | None = None
    ) -> None:
        self._known = known
        self._meanings = meanings or {}

    def visit(self, node: ast.AST) -> Any:
        """Replace a name, but not one that means something else in a function or comprehension."""
        if not self._known and not self._meanings:
            return node
        if isinstance(node, ast.Name):
            return self._name(node)
        bound = _bound_in(node)
        if bound:
            inside = [
                {name: each for name, each in mapping.items() if name not in bound}
                for mapping in (self._known, self._meanings)
            ]
            return _Narrowing(*inside).generic_visit(node)
        return self.generic_visit(node)

    def _name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._meanings:
            return ast.copy_location(copy.copy(self._meanings[node.id]), node)
        if node.id not in self._known or not isinstance(node.ctx, ast.Load):
            return node
        return _narrowed(node, self._known[node.id], node)


def _bound_in(node: ast.AST) -> frozenset[str]:
    """The names that a part of the program binds for itself."""
    if isinstance(node, _Binding):
        return own_names(node)
    targets: Sequence[ast.AST] = ()
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        targets = [each.target for each in node.generators]
    elif isinstance(node, ast.Lambda):
        return frozenset(each.arg for each in node.args.args)
    names = (
        each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
    )
    return frozenset(names)
