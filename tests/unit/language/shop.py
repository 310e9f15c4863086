"""The shop of these tests: types of every kind, and tasks whose outcomes a script decides."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, TypedDict
from uuid import UUID

import msgspec

from pavane.errors import Fail
from pavane.sdk.service import Service


class Kind(Enum):
    GOLD = "gold"
    PLAIN = "plain"


class Speed(StrEnum):
    FAST = "fast"
    SLOW = "slow"


class Line(msgspec.Struct):
    sku: str
    qty: int
    price: Decimal


class Order(msgspec.Struct):
    id: str
    lines: list[Line]
    kind: Kind = Kind.PLAIN
    gift: bool = False
    insured: bool = True
    note: str | None = None
    due: date | None = None
    placed: datetime = datetime(2024, 5, 1, 10, 0)
    customer_id: UUID = UUID(int=7)
    tags: list[str] = []
    weights: dict[str, float] = {}
    speed: Speed = Speed.SLOW

    @property
    def pieces(self) -> int:
        return sum(line.qty for line in self.lines)

    def total_of(self, sku: str) -> Decimal:
        """What the lines of one article cost."""
        return sum((line.price * line.qty for line in self.lines if line.sku == sku), Decimal(0))


class Reservation(msgspec.Struct, rename="camel"):
    shelf_id: str
    total: Decimal


@dataclass
class Payment:
    id: str
    status: str
    fee: Decimal = Decimal("0.50")


class Parcel(TypedDict):
    id: str
    weight: float


class Invoice(msgspec.Struct):
    number: int
    paid: Payment


class Receipt(msgspec.Struct):
    parcel: str
    invoice: int
    note: str | None = None
    tags: list[str] = []


class Took(msgspec.Struct, tag=True):
    id: str
    amount: Decimal


class Declined(msgspec.Struct, tag="no"):
    reason: str
    code: int = 0


class Pending(msgspec.Struct, tag=True):
    until: date


class Box(msgspec.Struct, rename="kebab"):
    items: list[Line]
    size: int
    unit_price: Decimal
    weight: float
    keys: list[str] = []
    class_: str = msgspec.field(name="class", default="x")


@dataclass
class Script:
    """What tasks do: results or failures by task name and call number; and what was called."""

    outcomes: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    calls: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def play(self, task: str, usual: Any, **inputs: Any) -> Any:
        nth = sum(1 for name, _ in self.calls if name == task)
        self.calls.append((task, msgspec.to_builtins(inputs)))
        planned = self.outcomes.get(task, [])
        outcome = planned[nth] if nth < len(planned) else usual
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


script: ContextVar[Script] = ContextVar("script")


def play(task: str, usual: Any, **inputs: Any) -> Any:
    return script.get().play(task, usual, **inputs)


FAILS = Fail("out of order")

inventory, payment, shipping = Service("inventory"), Service("payment"), Service("shipping")


@inventory.task
async def release_stock(order: Order, reserved: Reservation) -> None:
    play("release_stock", None, order=order, reserved=reserved)


@inventory.task(undo=release_stock)
async def reserve_stock(order: Order) -> Reservation:
    return play("reserve_stock", Reservation("s-1", Decimal("10.10")), order=order)


@payment.task
async def refund(amount: Decimal, paid: Payment, reason: str = "undone") -> None:
    play("refund", None, amount=amount, paid=paid, reason=reason)


@payment.task(undo=refund)
async def charge_card(order: Order, amount: Decimal) -> Payment:
    return play("charge_card", Payment("p-1", "ok"), order=order, amount=amount)


@payment.task
def send_invoice(order: Order, paid: Payment) -> Invoice:
    return play("send_invoice", Invoice(42, paid), order=order, paid=paid)


@shipping.task(pivot=True)
async def ship(order: Order, express: bool = False) -> Parcel:
    return play("ship", {"id": "k-1", "weight": 1.5}, order=order, express=express)


@shipping.task
async def score(order: Order) -> int:
    return play("score", 5, order=order)


@shipping.task
async def find_coupon(code: str) -> Decimal | None:
    return play("find_coupon", None, code=code)


@shipping.task
async def rates(order: Order) -> list[Decimal]:
    return play("rates", [Decimal("2.50"), Decimal("10.00")], order=order)


@shipping.task
async def note_down(text: str, number: float | None = None) -> None:
    play("note_down", None, text=text, number=number)


@shipping.task
async def anything(*, value: Any) -> Any:
    return play("anything", {"deep": [{"name": "x"}]}, value=value)


@shipping.task
async def settings(name: str) -> dict[str, Any]:
    return play("settings", {"limit": 3, "mode": "on"}, name=name)


@payment.task
async def take(order: Order) -> Took | Declined | Pending:
    return play("take", Took("t-1", Decimal("9.50")), order=order)


@payment.task
async def look_up(code: str) -> Payment | None:
    return play("look_up", None, code=code)


TASKS = {task.name: task for service in (inventory, payment, shipping) for task in service.tasks}
