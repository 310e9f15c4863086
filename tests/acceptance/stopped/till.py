"""A small shop whose calls and effects are counted outside of it, in files that only grow."""

import asyncio
import fcntl
import logging
import os
import sys
from pathlib import Path

from pavane import Service, TaskContext, workflow
from pavane.bootstrap import dancing_services

till, stock = Service("till"), Service("stock")

FOLDER = Path(os.environ.get("TILL_FOLDER", "."))
LEASE_S = 1.0


def append(name: str, line: str) -> None:
    """Written when this returns, whoever else writes."""
    file = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, f"{line}\n".encode())
    os.close(file)


async def serve(ctx: TaskContext) -> None:
    """As a service does that honours the key: called as often as it happens, done once."""
    append("calls.txt", f"{os.getpid()} {ctx.idempotency_key} {ctx.attempt}")
    await asyncio.sleep(0.02)
    with (FOLDER / "effects.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        effects = FOLDER / "effects.txt"
        done = effects.read_text().split() if effects.exists() else []
        if ctx.idempotency_key not in done:
            append("effects.txt", ctx.idempotency_key)


# An undo may come where nobody knows what the step did: then there is no result.


@till.task
async def give_back(ctx: TaskContext, order: str, paid: str | None = None) -> None:
    append("undone.txt", ctx.idempotency_key)


@stock.task
async def unpack(ctx: TaskContext, order: str, paid: str, parcel: str | None = None) -> None:
    append("undone.txt", ctx.idempotency_key)


@till.task(undo=give_back, retries=10, retry_delay="20ms")
async def take_money(ctx: TaskContext, order: str) -> str:
    await serve(ctx)
    return f"paid-{order}"


@stock.task(undo=unpack, retries=10, retry_delay="20ms")
async def pack(ctx: TaskContext, order: str, paid: str) -> str:
    await serve(ctx)
    return f"parcel-{order}-{paid}"


@till.task(retries=10, retry_delay="20ms")
async def write_receipt(ctx: TaskContext, order: str, parcel: str) -> str:
    await serve(ctx)
    return f"receipt-{order}-{parcel}"


@workflow
async def sell(order: str) -> str:
    """Money, parcel, receipt: the till opens and closes, another service is in between."""
    paid = await take_money(order)
    parcel = await pack(order, paid)
    return await write_receipt(order, parcel)


async def main(service: Service) -> None:
    """Dance, and tell line by line whether this process is the active one."""
    opened = dancing_services(
        f"embedded:{FOLDER}/bus",
        services=[service],
        workflows=[sell],
        watched=False,
        lease_s=LEASE_S,
    )
    async with opened as company:
        active = None
        while True:
            if (now := bool(company.participants)) is not active:
                active = now
                print("active" if active else "standing by", flush=True)
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    asyncio.run(main({"till": till, "stock": stock}[sys.argv[1]]))
