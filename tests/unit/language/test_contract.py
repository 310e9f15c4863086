"""How types travel: objects and the rest, fields and their names on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, NewType, TypedDict, TypeVar

import msgspec
import pytest

from pavane.language.contract import (
    fields_of,
    is_none,
    is_object,
    is_record,
    record_fields,
    wire_tag,
)

T = TypeVar("T")


class Point(msgspec.Struct, rename="camel"):
    x_axis: int
    y_axis: int = 0


class Tagged(msgspec.Struct, tag="tagged"):
    x: int


class Row(msgspec.Struct, array_like=True):
    x: int


class Box(msgspec.Struct, Generic[T]):
    inner: T


@dataclass
class Plain:
    a: int
    b: list[str] = field(default_factory=list[str])


class Typed(TypedDict, total=False):
    a: int


class Model:
    """Shaped as pydantic's models are."""

    model_fields: ClassVar[dict[str, Any]] = {}


Name = NewType("Name", str)
Wrapped = NewType("Wrapped", Plain)


@pytest.mark.parametrize(
    "tp",
    [
        *(Point, Plain, Typed, Model, Box[int], dict, dict[str, int], Mapping[str, Any], Wrapped),
        Annotated[Point, "meta"],
    ],
)
def test_these_are_the_output_object_themselves(tp: Any) -> None:
    assert is_object(tp)
    assert not is_none(tp)


@pytest.mark.parametrize(
    "tp",
    [int, str, None, list[Point], Point | None, Any, Name, tuple[int, str], Row, Point | Plain],
)
def test_these_are_wrapped(tp: Any) -> None:
    assert not is_object(tp)
    assert is_none(tp) == (tp is None)


def test_fields_are_known_by_their_python_names() -> None:
    assert fields_of(Point) == {"x_axis": int, "y_axis": int}
    assert fields_of(Plain) == {"a": int, "b": list[str]}
    assert fields_of(Typed) == {"a": int}
    assert fields_of(dict[str, int]) is None
    assert fields_of(int) is None
    assert fields_of(Row) is None


def test_fields_have_names_on_the_wire_and_defaults() -> None:
    known = record_fields(Point)
    assert known is not None
    assert [each.wire for each in known] == ["xAxis", "yAxis"]
    assert known[1].default == 0
    assert wire_tag(Tagged) == ("type", "tagged")
    assert wire_tag(Point) is None


def test_typed_dicts_are_objects_but_no_records() -> None:
    assert is_record(Plain)
    assert not is_record(Typed)
