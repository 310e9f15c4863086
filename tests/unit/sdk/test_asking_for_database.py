"""Who may ask for the service's database, and where it is refused."""

from __future__ import annotations

import sqlite3

import apsw
import pytest

from pavane.bootstrap import SystemClock
from pavane.errors import DefinitionError, UsageError
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation.loop import run
from tests.unit.sdk.test_recorded import charge, charge_in_thread, shop


def test_callers_do_not_see_the_database():
    assert list(charge.signature.parameters) == ["name", "how"]
    assert list(charge_in_thread.signature.parameters) == ["name", "wait"]
    assert charge.definition.input_keys == ["name", "how"]
    assert shop.has_database
    assert not Service("other").has_database


def test_it_is_refused_where_there_is_none():
    with pytest.raises(UsageError, match="has no ledger") as refusal:
        LocalWorkers([shop], SystemClock())
    assert refusal.value.remedy
    with pytest.raises(UsageError, match="in a workflow"):
        run(charge("a"))


def test_what_cannot_be_asked_for():
    bad = Service("bad")

    @bad.task
    async def twice(one: apsw.Connection, two: apsw.Connection) -> None: ...

    @bad.task
    async def other(db: sqlite3.Connection) -> None: ...

    with pytest.raises(DefinitionError, match=r"two Connections, one and two"):
        _ = twice.shape
    with pytest.raises(DefinitionError, match=r"sqlite3.Connection, and a ledger"):
        _ = other.shape
