"""What URLs open, and in what words others are refused."""

import sys
from pathlib import Path

import pytest

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.postgres.place import beside, place_of
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap import dancing_services, open_bus, open_ledger
from pavane.bootstrap.opening import ledger_of, open_store
from pavane.errors import NotInstalledError, UsageError
from pavane.sdk.service import Service


def test_buses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_bus("memory:"), MemoryBus)
    for url, folder in (("embedded:", ".pavane"), ("embedded:x/y", "x/y")):
        bus = open_bus(url)
        assert isinstance(bus, EmbeddedBus)
        assert bus.folder.path == tmp_path / folder
    assert not list(tmp_path.iterdir()), "a bus that is not open makes nothing"


def test_kafka_is_opened_where_its_client_is_installed(monkeypatch: pytest.MonkeyPatch):
    bus = open_bus("kafka://one:9092,two:9092?prefix=shop-")
    assert isinstance(bus, KafkaBus)
    assert (bus.options.servers, bus.options.prefix) == ("one:9092,two:9092", "shop-")
    monkeypatch.delitem(sys.modules, "pavane.adapters.kafka.bus")
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(NotInstalledError, match="confluent_kafka") as refusal:
        open_bus("kafka://one:9092")
    assert "pip install 'pavane[kafka]'" in refusal.value.remedy


def test_rabbitmq_is_opened_where_its_client_is_installed(monkeypatch: pytest.MonkeyPatch):
    for scheme in ("amqp", "amqps"):
        bus = open_bus(f"{scheme}://me:secret@one:7/shop?prefix=shop-")
        assert isinstance(bus, RabbitBus)
        assert (bus.options.shown, bus.options.prefix) == (f"{scheme}://one:7/shop", "shop-")
    monkeypatch.delitem(sys.modules, "pavane.adapters.rabbitmq.bus")
    monkeypatch.delitem(sys.modules, "pavane.adapters.rabbitmq.connection")
    monkeypatch.setitem(sys.modules, "aiormq", None)
    with pytest.raises(NotInstalledError, match="aiormq") as refusal:
        open_bus("amqp://me:secret@one")
    assert "pip install 'pavane[rabbitmq]'" in refusal.value.remedy


def test_ledgers(tmp_path: Path):
    assert isinstance(open_ledger("memory:"), MemoryLedger)
    ledger = open_ledger(f"sqlite:///{tmp_path}/x.db")
    assert isinstance(ledger, SqliteLedger)
    assert ledger.path == tmp_path / "x.db"


def test_a_service_has_its_ledger_where_the_bus_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bus = open_bus(f"embedded:{tmp_path}")
    ledger = ledger_of("payment", "", bus)
    assert isinstance(ledger, SqliteLedger)
    assert ledger.path == tmp_path / "payment.db"
    assert isinstance(ledger_of("payment", "memory:", bus), MemoryLedger)
    assert isinstance(ledger_of("payment", "", open_bus("memory:")), MemoryLedger)
    monkeypatch.chdir(tmp_path)
    ledger = ledger_of("pay/ment", "", open_bus("kafka://one:9092"))
    assert isinstance(ledger, SqliteLedger)
    assert ledger.path == tmp_path / ".pavane" / "pay%2fment.db"


@pytest.mark.parametrize("url", ["nats://x:1", "embeddedly", "sqlite:x", ""])
def test_what_nobody_knows_is_refused(url: str):
    for opening in (open_bus, open_ledger):
        with pytest.raises(UsageError) as refusal:
            opening(url)
        assert refusal.value.remedy


@pytest.mark.anyio
async def test_one_ledger_is_not_for_two_services(tmp_path: Path):
    services = [Service("a"), Service("b")]
    with pytest.raises(UsageError, match="for one service"):
        async with dancing_services(
            "memory:", services=services, ledger=f"sqlite:///{tmp_path}/x.db"
        ):
            pass


def test_stores_in_postgresql():
    store = open_store("postgresql://me:secret@db:5433/shop?sslmode=require&schema=orders")
    assert isinstance(store, PostgresStore)
    assert store.place.dsn == "postgresql://me:secret@db:5433/shop?sslmode=require"
    assert store.place.schema == "orders"
    assert str(store.place) == "shop at db:5433, schema orders"
    other = open_store("postgres:///")
    assert isinstance(other, PostgresStore)
    assert other.place.schema == "pavane"


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "pavane.adapters.postgres.store", raising=False)
    monkeypatch.delitem(sys.modules, "pavane.adapters.postgres.connection", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(NotInstalledError, match="asyncpg") as refusal:
        open_store("postgresql://db/x")
    assert "pip install 'pavane[postgres]'" in refusal.value.remedy


def test_ledgers_beside_a_store_are_schemas_named_after_its_own():
    places = {
        str(place_of(beside(store, name)))
        for store in ("postgresql://me:x@db/shop", "postgresql://me:x@db/shop?schema=a&sslmode=off")
        for name in ("conductor", "_conductor")
    }
    assert places == {
        "shop at db, schema pavane_conductor",
        "shop at db, schema pavane__conductor",
        "shop at db, schema a_conductor",
        "shop at db, schema a__conductor",
    }
