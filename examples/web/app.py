"""A FastAPI application that starts and awaits a workflow, and publishes an event."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from orders import Order, OrderPaid, Receipt, sell

from pavane import Client
from pavane.errors import ExecutionFailedError, NotFoundError, ResultTimeoutError

SERVER = os.environ.get("SHOP_SERVER", "http://127.0.0.1:8080")


@dataclass(frozen=True)
class Payment:
    id: str
    order: str


class Links(TypedDict):
    """What every request finds in `request.state`."""

    client: Client


@dataclass(frozen=True)
class Status:
    execution: str
    status: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[Links]:
    """One client for all requests, closed when the application ends."""
    async with Client(SERVER) as client:
        yield Links(client=client)


app = FastAPI(title="A shop", lifespan=lifespan)


def client_of(request: Request) -> Client:
    return request.state.client


Shop = Annotated[Client, Depends(client_of)]


@app.post("/orders", status_code=202)
async def order(order: Order, shop: Shop, response: Response) -> Status:
    """Start; 202, and where to look. The key makes of an order that comes twice one execution."""
    run = await shop.start(sell, order, key=order.id)
    response.headers["Location"] = f"/orders/{run.id}"
    return Status(execution=run.id, status="RUNNING")


@app.get("/orders/{execution}", responses={202: {"model": Status}})
async def receipt(
    execution: str, shop: Shop, response: Response, wait: Annotated[float, Query(le=30)] = 0
) -> Receipt | Status:
    """The receipt, once there is one; until then 202, after `wait` seconds at most."""
    try:
        output = await shop.execution(execution).result(timeout=wait)
    except ResultTimeoutError:
        response.status_code = 202
        return Status(execution=execution, status="RUNNING")
    except ExecutionFailedError as error:
        raise HTTPException(409, error.reason) from error
    except NotFoundError as error:
        raise HTTPException(404, "There is no such order.") from error
    return Receipt(**output)


@app.post("/payments", status_code=202)
async def payment(given: Payment, shop: Shop) -> None:
    """Tell that an order was paid. The same id is the same event, however often it comes."""
    await shop.publish(OrderPaid(order=given.order, payment=given.id), id=f"payment-{given.id}")
