"""Shapes of data: what is known of a value's type, and that two values have the same one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pavane.language.back.stubs import is_plain

T = TypeVar("T")
REQUIRED: Any = object()
"""The default of a field that has none."""

CONVERTED = {
    "decimal": "Decimal",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "timedelta": "timedelta",
    "uuid": "UUID",
}
"""By the evaluator's function that reads it from the wire, the type in Python."""


@dataclass(eq=False)
class Shared(Generic[T]):
    """What several turn out to have in common: each leads to the one that holds it."""

    what: T
    same: Shared[T] | None = None

    def found(self) -> Shared[T]:
        """The one that holds it."""
        one = self
        while one.same is not None:
            one = one.same
        return one


@dataclass
class Known:
    """What is known of the type of values that are alike."""

    kinds: set[str] = field(default_factory=set[str])
    likely: set[str] = field(default_factory=set[str])  # where nothing else is known
    fields: dict[str, Member] = field(default_factory=dict[str, "Member"])
    element: Shape | None = None
    is_mapping: bool = False  # not all of its members are known by name
    is_scalar: bool = False  # has a text, so that it is no list and no object
    is_bare: bool = False  # computed with as it travels, so that it is not converted


@dataclass
class Uses:
    """What is known of one value, wherever it is read."""

    may_be_none: bool = False
    in_texts: bool = False  # stands in a text as it is, so it is no bool and never None
    computed_in_texts: bool = False  # is formatted where a path would do for a text


class Shape:
    """One value: what is known of its type is shared by all of this type, its uses are its own."""

    def __init__(self, kind: str = "", *, may_be_none: bool = False) -> None:
        self._type = Shared(Known({kind} if kind else set()))
        self._value = Shared(Uses(may_be_none))

    @property
    def known(self) -> Known:
        """What all values share that are of one type."""
        return self._type.found().what

    @property
    def uses(self) -> Uses:
        """What is known of the value."""
        return self._value.found().what

    def elements(self) -> Shape:
        """What is in the list that this is."""
        if self.known.element is None:
            self.known.element = Shape()
        return self.known.element

    def member(self, name: str) -> Shape:
        """The value of a field of the object that this is."""
        return self.field(name).shape

    def field(self, name: str, default: Any = REQUIRED) -> Member:
        """A field of the object that this is."""
        found = self.known.fields.setdefault(name, Member(Shape()))
        if default is not REQUIRED:
            found.default = default
        return found

    def unite(self, other: Shape) -> None:
        """Both are of one type."""
        one, two = self.known, other.known
        if one is two:
            return
        other._type.found().same = self._type.found()
        one.kinds |= two.kinds
        one.likely |= two.likely
        one.is_mapping |= two.is_mapping
        one.is_bare |= two.is_bare
        one.is_scalar |= two.is_scalar
        inner = [each for each in (one.element, two.element) if each is not None]
        if any(each.known is one or each.known is two for each in inner):
            one.element = None  # a list in itself: it is the letters of a text
        elif two.element is not None:
            self.elements().become(two.element)
        for name, each in two.fields.items():
            self.field(name, each.default).shape.become(each.shape)

    def become(self, other: Shape) -> None:
        """Both are the same value."""
        self.unite(other)
        one, two = self._value.found(), other._value.found()
        if one is not two:
            two.same = one
            one.what.may_be_none |= two.what.may_be_none
            one.what.in_texts |= two.what.in_texts
            one.what.computed_in_texts |= two.what.computed_in_texts

    @property
    def record(self) -> dict[str, Member]:
        """The fields, where this is an object that a class can describe."""
        known = self.known
        plain = not (known.is_mapping or known.is_scalar) and all(map(is_plain, known.fields))
        return known.fields if plain and known.element is None and not known.kinds else {}

    @property
    def kind(self) -> str:
        """The name of the type of what is no list and no object; empty where nothing is known."""
        known = self.known
        kinds = known.kinds
        converted = kinds & {*CONVERTED.values()}
        if converted and (known.is_bare or kinds != converted):
            kinds = kinds - converted or {"int"}  # it is converted where it is read
        if kinds == {"int", "float"}:
            return "float"
        if not kinds and len(known.likely) == 1:
            kinds = known.likely
        return next(iter(kinds)) if len(kinds) == 1 else ""

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        known = self.known
        return known.element is not None and not known.kinds and not known.is_scalar

    @property
    def is_optional(self) -> bool:
        """Whether the value may be None."""
        uses = self.uses
        is_formatted = uses.computed_in_texts and self.kind in ("str", "int")
        return (uses.may_be_none or is_formatted) and not uses.in_texts


@dataclass
class Member:
    """A field, and what it reads as where it was left out."""

    shape: Shape
    default: Any = REQUIRED
