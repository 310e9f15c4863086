"""Workflows that ask people: only their definitions can be looked at here."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from pavane.sdk.person import person
from pavane.sdk.workflow import workflow
from tests.unit.language.shop import Order, note_down


class Approval(msgspec.Struct):
    approved: bool
    by: str = ""


@workflow
async def asks(order: Order) -> str:
    answer = await person("approve", to="finance", id=order.id, why={"gift": order.gift})
    return answer["by"]


@workflow
async def asks_until(order: Order, boss: str, days: int) -> str:
    first = await person(
        "approve", to=["finance", boss], deadline="2d", result=Approval, order=order.id
    )
    if first is not None:
        return first.by
    second = await person("approve", to=boss, deadline=timedelta(days=3), result=Approval)
    if second is None:
        await note_down("nobody")
    elif second.approved:
        await note_down(second.by)
    return "late"
