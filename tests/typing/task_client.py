"""What a type checker knows of clients. Checked by pyright, never run."""

# pyright: strict

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from pavane.sdk.client import Client, Run
from pavane.sdk.sync_client import SyncClient, SyncRun
from pavane.sdk.workflow import workflow


@dataclass
class Order:
    id: str


@dataclass
class Receipt:
    id: str


@workflow
async def fulfil(order: Order, note: str = "") -> Receipt:
    return Receipt(order.id)


async def calls(client: Client, order: Order) -> None:
    run = await client.start(fulfil, order, key=order.id)
    assert_type(run, Run[Receipt])
    assert_type(await run.result(timeout="30s"), Receipt)
    assert_type(await client.start(fulfil, order, "gift"), Run[Receipt])
    assert_type(await client.start("fulfil", input={"order": {}}), Run[Any])
    await client.start(fulfil)  # pyright: ignore[reportArgumentType, reportCallIssue]  # no order
    await client.start(fulfil, "A")  # pyright: ignore[reportArgumentType]  # no order


def sync_calls(client: SyncClient, order: Order) -> None:
    run = client.start(fulfil, order, key=order.id)
    assert_type(run, SyncRun[Receipt])
    assert_type(run.result(), Receipt)
    client.start(fulfil, 3)  # pyright: ignore[reportArgumentType]  # no order
