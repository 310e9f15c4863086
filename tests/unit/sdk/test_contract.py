"""The typed door: every refusal names the task and the path of the bad field."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypedDict
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.errors import DefinitionError, InputError, TooLargeError
from pavane.sdk import contract as contract_module
from pavane.sdk.context import TaskContext
from pavane.sdk.contract import Contract
from pavane.sdk.service import Service


class Kind(enum.Enum):
    GOLD = "gold"
    PLAIN = "plain"


class Line(msgspec.Struct):
    article: str
    price: Decimal


class Order(msgspec.Struct, rename="camel"):
    order_id: str
    lines: list[Line]
    kind: Kind = Kind.PLAIN
    due: date | None = None


@dataclass
class Parcel:
    id: UUID
    weight: float


class Note(TypedDict):
    text: str


def of(function: Callable[..., Any]) -> Contract:
    return Service("test").task(function).contract


async def everything(
    order: Order, parcel: Parcel, note: Note, tags: list[str], extra: dict[str, Any], /
) -> None: ...


def test_each_kind_of_type_is_decoded() -> None:
    body = b"""{"order": {"orderId": "A", "lines": [{"article": "x", "price": "1.50"}],
        "kind": "gold", "due": "2026-02-03"},
        "parcel": {"id": "12345678123456781234567812345678", "weight": 2},
        "note": {"text": "hi"}, "tags": ["a"], "extra": {"n": 1}, "unknown": true}"""
    (order, parcel, note, tags, extra), by_keyword = of(everything).arguments(body, None)
    assert order == Order("A", [Line("x", Decimal("1.50"))], Kind.GOLD, date(2026, 2, 3))
    assert parcel == Parcel(UUID(int=0x12345678123456781234567812345678), 2.0)
    assert (note, tags, extra, by_keyword) == ({"text": "hi"}, ["a"], {"n": 1}, {})


async def charge(order: Order, amount: Decimal, way: Literal["card", "bill"] = "card") -> Parcel:
    raise NotImplementedError


LINE = '{"order":{"orderId":"A","lines":[{"article":"x","price":"1"},{"article":%s}]},"amount":1}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"amount":1}', "charge: order: is missing"),
        (b'{"order":{"lines":[]},"amount":1}', "charge: order.orderId: is missing"),
        ((LINE % "3").encode(), "charge: order.lines[1].article: expected str, got int"),
        ((LINE % '"y"').encode(), "charge: order.lines[1].price: is missing"),
        (
            b'{"order":{"orderId":"A","lines":[]},"amount":[]}',
            "amount: expected decimal, got array",
        ),
        (b'{"order":{"orderId":"A","lines":[]},"amount":"x"}', "amount: invalid decimal string"),
        (b'{"order":{"orderId":"A","lines":[],"kind":"tin"}}', "order.kind: invalid enum value"),
        (b"[]", "charge: input: expected object, got array"),
        (b'{"order":', "charge: input is not JSON"),
        (b'{"order":{"orderId":"\xff"}}', "charge: "),
        (b"", "charge: input is not JSON"),
    ],
)
def test_a_bad_input_is_refused_with_its_path(body: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        of(charge).arguments(body, None)
    assert message in str(caught.value)


def test_an_input_that_is_nested_too_deeply_is_refused() -> None:
    async def take(anything: Any) -> None: ...

    with pytest.raises(TooLargeError, match="take: the input is nested too deeply"):
        of(take).arguments(b'{"anything":' + b"[" * 100_000, None)


def test_defaults_and_the_context_take_their_places() -> None:
    async def mixed(a: int, ctx: TaskContext, b: int = 2, *, c: list[int] = [9]) -> None: ...  # noqa: B006  # a default that msgspec would refuse

    door = of(mixed)
    assert door.arguments(b'{"a":1}', "context") == ([1, "context", 2], {"c": [9]})
    assert door.arguments(b'{"a":1,"b":5,"c":[]}', "context") == ([1, "context", 5], {"c": []})


def test_unannotated_parameters_take_anything() -> None:
    def loose(a, b: object = None): ...  # no annotations

    assert of(loose).arguments(b'{"a":[1,{"x":null}]}', None) == ([[1, {"x": None}], None], {})


def _returning(annotation: Any) -> Contract:
    async def give() -> None: ...

    give.__annotations__["return"] = annotation
    return of(give)


@pytest.mark.parametrize(
    ("annotation", "value", "output"),
    [
        (Line, Line("x", Decimal("1.10")), b'{"article":"x","price":"1.10"}'),
        (Line, {"article": "x", "price": 1}, b'{"article":"x","price":1}'),
        (Note, {"text": "hi"}, b'{"text":"hi"}'),
        (dict[str, int], {"a": 1}, b'{"a":1}'),
        (None, None, b"{}"),
        (int, 3, b'{"result":3}'),
        (float, 3, b'{"result":3}'),
        (bool, True, b'{"result":true}'),
        (list[Line], [Line("x", Decimal(1))], b'{"result":[{"article":"x","price":"1"}]}'),
        (Line | None, None, b'{"result":null}'),
        (Any, object.__doc__, None),
        (Kind, Kind.GOLD, b'{"result":"gold"}'),
    ],
)
def test_results_become_objects(annotation: Any, value: Any, output: bytes | None) -> None:
    written = _returning(annotation).result(value)
    assert isinstance(msgspec.json.decode(written), dict)
    assert output is None or written == output


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Line, None, "returned None instead of a value of type Line"),
        (Line, Parcel(UUID(int=1), 1), "returned a value of type Parcel instead of a value of"),
        (Line, Line("x", "much"), "price: invalid decimal string"),  # type: ignore[arg-type]  # the fault
        (Line, {"article": "x"}, "price: is missing"),
        (int, True, "expected int, got bool"),
        (int, None, "expected int, got null"),
        (float, float("nan"), "expected float, got null"),
        (None, 3, "annotated to return None"),
        (Any, {1, object()}, "cannot be written as JSON"),
        (Any, lambda: 3, "cannot be written as JSON"),
        (Any, "\ud800", "cannot be written as JSON"),
        (dict[str, Any], {(1, 2): 3}, "cannot be written as JSON"),
    ],
)
def test_a_wrong_result_is_refused(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _returning(annotation).result(value)
    assert message in str(caught.value)
    assert "give" in str(caught.value)


def test_a_result_that_contains_itself_is_refused() -> None:
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(TooLargeError, match="contains itself"):
        _returning(Any).result(knot)


def test_a_result_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooLargeError, match="more than 5000000"):
        _returning(str).result("x" * contract_module.MAX_OUTPUT_BYTES)


@given(
    st.builds(
        Order,
        st.text(),
        st.lists(st.builds(Line, st.text(), st.decimals(allow_nan=False, allow_infinity=False))),
        st.sampled_from(Kind),
        st.none() | st.dates(),
    )
)
def test_what_one_task_returns_the_next_can_read(order: Order) -> None:
    output = _ORDER_OUT.result(order)
    ((read,), _) = _ORDER_IN.arguments(b'{"order":' + output + b"}", None)
    assert read == order


async def _take_order(order: Order) -> None: ...


_ORDER_IN, _ORDER_OUT = of(_take_order), _returning(Order)


class Opaque:
    """What JSON knows nothing of."""


@pytest.mark.parametrize("annotation", [Opaque, list[Opaque], Callable[[], int], Line | Order])
def test_types_that_json_cannot_carry_are_refused(annotation: Any) -> None:
    async def take(value: int) -> None: ...

    take.__annotations__["value"] = annotation
    with pytest.raises(DefinitionError, match=r"take \(test_contract.py:\d+\): parameter 'value'"):
        of(take)
    with pytest.raises(DefinitionError, match="its result"):
        _returning(annotation)


# --- types that bring their own validation, as pydantic's models do ------------------------------


class _Refusal(ValueError):
    def errors(self) -> list[dict[str, Any]]:
        return [{"loc": ("lines", 2, "price"), "msg": "Input should be greater than 0"}]


class Model:
    """The part of a pydantic model that the contract relies on."""

    model_fields: ClassVar[dict[str, Any]] = {}

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @classmethod
    def model_validate(cls, data: dict[str, Any]) -> Model:
        if data.get("bad"):
            raise _Refusal("3 errors, on many lines")
        return cls(data)

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        assert mode == "json"
        return self.data


def test_models_validate_themselves() -> None:
    async def take(model: Model, more: list[Model]) -> None: ...

    door = of(take)
    (model, more), _ = door.arguments(b'{"model":{"a":1},"more":[{}]}', None)
    assert (model.data, [each.data for each in more]) == ({"a": 1}, [{}])
    with pytest.raises(InputError) as caught:
        door.arguments(b'{"model":{"bad":1},"more":[]}', None)
    expected = "take: model.lines[2].price: input should be greater than 0."
    assert str(caught.value) == expected
    assert _returning(Model).result(model) == b'{"a":1}'
    assert _returning(list[Model]).result(more) == b'{"result":[{}]}'
