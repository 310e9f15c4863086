"""The PostgreSQL store keeps the promises of a store."""

import os
import secrets
from pathlib import Path

from pavane.adapters.postgres.store import PostgresStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import FULL, StoreContract


class TestPostgresStore(StoreContract):
    features = frozenset({FULL})

    async def create(self, folder: Path) -> Store:
        return PostgresStore(os.environ["POSTGRES_URL"]+"?schema=t_"+secrets.token_hex(4))

    async def die(self, store: Store) -> Store:
        assert isinstance(store, PostgresStore)
        return store.crash()

    async def fill(self, store: Store) -> None:
        assert isinstance(store, PostgresStore)
        async with store._writer._pool.lent() as c:
            await c.execute("""create function full_() returns trigger language plpgsql as $$ begin raise 'no room' using errcode = '53100'; end $$;
              create trigger full_ before insert on execution execute function full_()""")

    async def make_room(self, store: Store) -> None:
        async with store._writer._pool.lent() as c:
            await c.execute("""drop trigger full_ on execution""")
