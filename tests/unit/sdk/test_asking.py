"""Which connections a function may ask for: known by the names of their classes."""

import sqlite3
from collections.abc import Callable
from typing import Any

import apsw
import asyncpg
import psycopg
import pytest
from psycopg.rows import TupleRow
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from pavane.errors import DefinitionError
from pavane.sdk.asking import database_in
from pavane.sdk.parameters import read_shape


@pytest.mark.parametrize(
    ("annotation", "is_async", "asked"),
    [
        (apsw.Connection, True, "apsw.Connection"),
        (apsw.Connection, False, "apsw.Connection"),
        (asyncpg.Connection, True, "asyncpg.Connection"),
        (psycopg.AsyncConnection, True, "psycopg.AsyncConnection"),
        (psycopg.AsyncConnection[TupleRow], True, "psycopg.AsyncConnection"),
        (psycopg.Connection, False, "psycopg.Connection"),
        (AsyncConnection, True, "sqlalchemy.AsyncConnection"),
        (AsyncSession, True, "sqlalchemy.AsyncSession"),
        (Connection, False, "sqlalchemy.Connection"),
        (Session, False, "sqlalchemy.Session"),
        (str, True, ""),
        (list[str], True, ""),
        (None, False, ""),
    ],
)
def test_it_is_known_by_its_class(annotation: Any, is_async: bool, asked: str):
    assert database_in(annotation, "db", "charge", is_async=is_async) == asked


@pytest.mark.parametrize(
    ("annotation", "is_async", "why"),
    [
        (asyncpg.Connection, False, "which only an async function can use"),
        (AsyncSession, False, "which only an async function can use"),
        (psycopg.Connection, True, "would hold up everything else"),
        (Session, True, "would hold up everything else"),
        (sqlite3.Connection, True, "a ledger has an apsw.Connection"),
    ],
)
def test_what_a_function_cannot_use_is_refused(annotation: Any, is_async: bool, why: str):
    with pytest.raises(DefinitionError, match=why) as refusal:
        database_in(annotation, "db", "charge", is_async=is_async)
    assert "charge: db asks for" in refusal.value.message
    assert refusal.value.remedy


async def one(db: asyncpg.Connection, name: str) -> None: ...


def another(name: str, *, db: Session) -> None: ...


async def two(db: asyncpg.Connection, more: AsyncSession) -> None: ...


@pytest.mark.parametrize(
    ("function", "asks"), [(one, "asyncpg.Connection"), (another, "sqlalchemy.Session")]
)
def test_a_function_asks_for_one_that_nobody_passes(function: Callable[..., Any], asks: str):
    shape = read_shape(function, None)
    assert (shape.database, shape.asks) == ("db", asks)
    assert list(shape.signature.parameters) == ["name"]


def test_and_not_for_two():
    with pytest.raises(DefinitionError, match="asks for two Connections, db and more"):
        read_shape(two, None)
