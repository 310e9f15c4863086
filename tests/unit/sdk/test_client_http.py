"""Both clients against a real server on a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
import uvicorn

from pavane.bootstrap import running_engine
from pavane.doors.rest.app import build_app
from pavane.errors import (
    AlreadyExistsError,
    ConnectionFailedError,
    ExecutionFailedError,
    InputError,
    NotFoundError,
    ResultTimeoutError,
    UsageError,
)
from pavane.sdk.client import Client
from pavane.sdk.sync_client import SyncClient
from pavane.sdk.workflow import workflow
from tests.unit.sdk import shop
from tests.unit.sdk.shop import Order, Receipt, buy, price

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """The address of a server that has the shop's service, but not its workflows."""
    async with running_engine("memory:", services=[shop.stock]) as engine:
        app = build_app(engine)
        config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
        serving = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", 0))
        task = asyncio.create_task(serving.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            app.stop()
            serving.should_exit = True
            await task
            listening.close()


async def test_the_async_client() -> None:
    async with server() as address, Client(address + "/") as client:
        await client.register(buy, price)
        run = await client.start(buy, Order("A", Decimal("9.90")), key="A")
        assert await run.result("10s") == Receipt("R-A", Decimal("9.90"))
        assert (await client.start(buy, Order("A", Decimal("9.90")), key="A")).id == run.id
        state = await run.state()
        assert (state.status, state.workflow, state.key) == ("COMPLETED", "buy", "A")
        assert [each.id for each in await client.executions(workflow="buy")] == [run.id]

        waiting = await client.start(buy, Order("B", Decimal(1), wait_s=1))
        with pytest.raises(ResultTimeoutError):
            await waiting.result("300ms")
        assert await waiting.terminate("enough", undo=False) == "TERMINATED"
        with pytest.raises(ExecutionFailedError) as caught:
            await waiting.result()
        assert (caught.value.status, caught.value.reason) == ("TERMINATED", "enough")


async def test_errors_are_those_of_the_engine() -> None:
    @workflow(name="price")
    async def other(order: Order) -> int:
        return 43

    async with server() as address, Client(address) as client:
        await client.register(price)
        with pytest.raises(AlreadyExistsError):
            await client.register(other)
        await client.register(other, overwrite=True)
        with pytest.raises(NotFoundError, match="nobody"):
            await client.start("nobody", input={})
        with pytest.raises(NotFoundError):
            await client.execution("no/where").state()
        with pytest.raises(InputError):
            await client.executions(limit=10**9)


async def test_the_sync_client() -> None:
    def use(address: str) -> None:
        with SyncClient(address) as client:
            client.register(buy)
            run = client.start(buy, Order("C", Decimal("2.50")), key="C")
            assert run.result("10s") == Receipt("R-C", Decimal("2.50"))
            assert run.state().status == "COMPLETED"
            assert client.execution(run.id).result() == {"reservation": "R-C", "charged": "2.50"}
            assert [each.key for each in client.executions(workflow="buy", limit=1)] == ["C"]
            declined = client.start("buy", input={"order": Order("D", Decimal(1), "for good")})
            with pytest.raises(ExecutionFailedError, match="card declined"):
                declined.result("10s")

    async with server() as address:
        await asyncio.to_thread(use, address)


async def test_no_server_is_told_with_its_address() -> None:
    async with Client("http://127.0.0.1:9") as client:
        with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:9 does not answer"):
            await client.start("buy", input={})
    with SyncClient("http://127.0.0.1:9") as client, pytest.raises(ConnectionFailedError):
        client.executions()
    with pytest.raises(UsageError, match="is no address"):
        Client("localhost:8080")
