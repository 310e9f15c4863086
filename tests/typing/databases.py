"""What type checkers see of functions that ask for their database: nobody passes the connection."""

from typing import assert_type

import apsw
import asyncpg

from pavane import Event, EventContext, Service

till = Service("till")


class Ordered(Event, type="test.databases.ordered.v1"):
    order: str


@till.task
def by_apsw(db: apsw.Connection, name: str) -> int: ...


@till.task
async def by_asyncpg(db: asyncpg.Connection, name: str) -> int: ...


@till.task
async def plain(name: str) -> int: ...


@till.on
async def note(ctx: EventContext, db: asyncpg.Connection, event: Ordered) -> None: ...


@till.on(Ordered, retries=1)
async def note_again(db: asyncpg.Connection, event: Ordered) -> None: ...


async def calls() -> None:
    assert_type(await by_apsw("a"), int)
    assert_type(await by_asyncpg("a"), int)
    assert_type(await plain("a"), int)
    assert_type(await note(Ordered(order="a")), None)
    assert_type(await note_again(Ordered(order="a")), None)
