"""What type checkers see of functions that ask for their database: nobody passes the connection."""

from typing import assert_type

import apsw
import asyncpg
import psycopg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from pavane import Event, EventContext, Service, TaskContext

till = Service("till")


class Ordered(Event, type="test.databases.ordered.v1"):
    order: str


@till.task
def by_apsw(db: apsw.Connection, name: str) -> int: ...


@till.task
async def by_asyncpg(db: asyncpg.Connection, name: str) -> int: ...


@till.task(retries=2)
async def by_psycopg(ctx: TaskContext, db: psycopg.AsyncConnection, name: str) -> int: ...


@till.task
def by_psycopg_in_a_thread(db: psycopg.Connection, name: str) -> int: ...


@till.task
async def by_session(db: AsyncSession, name: str) -> int: ...


@till.task
async def by_connection(db: AsyncConnection, name: str) -> int: ...


@till.task
def by_session_in_a_thread(db: Session, name: str) -> int: ...


@till.task
def by_connection_in_a_thread(db: Connection, name: str) -> int: ...


@till.task
async def plain(name: str) -> int: ...


@till.on
async def note(ctx: EventContext, db: AsyncSession, event: Ordered) -> None: ...


@till.on(Ordered, retries=1)
async def note_again(db: asyncpg.Connection, event: Ordered) -> None: ...


async def calls() -> None:
    assert_type(await by_apsw("a"), int)
    assert_type(await by_asyncpg("a"), int)
    assert_type(await by_psycopg(name="a"), int)
    assert_type(await by_psycopg_in_a_thread("a"), int)
    assert_type(await by_session("a"), int)
    assert_type(await by_connection("a"), int)
    assert_type(await by_session_in_a_thread("a"), int)
    assert_type(await by_connection_in_a_thread("a"), int)
    assert_type(await plain("a"), int)
    assert_type(await note(Ordered(order="a")), None)
    assert_type(await note_again(Ordered(order="a")), None)
