"""What a fleet stands on: a database, a broker, three hosts on a bridge, and a balancer."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from dev.services.server import Server, Unavailable
from pavane.bootstrap import keyring_in
from pavane.core.model.access import ROLES
from tests.acceptance.balancing import Balancer
from tests.acceptance.company.processes import Company
from tests.acceptance.company.site import Host, Site
from tests.acceptance.fleet.network import Network, network
from tests.servers import refuse, scope

PARTS = ("inventory", "payment", "shipping", "notifications,prices", "flights", "hotels,cars")
NODES = 3
_HOSTS = 3


class Ground(NamedTuple):
    """Servers of our own, and hosts whose wires can be cut, where that may be."""

    network: Network | None
    servers: Mapping[str, Server]
    broker: str

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(self.network.hosts) if self.network else (Host(),)


@contextmanager
def standing(broker: str) -> Iterator[Ground]:
    """PostgreSQL and a broker of our own, on a bridge to the hosts where that can be."""
    with network(_HOSTS) as made:
        if isinstance(made, str):
            print(f"No wire can be cut here: {made}")
        wires = made if isinstance(made, Network) else None
        with _servers(broker, wires) as running:
            yield Ground(wires, running, broker)


@contextmanager
def _servers(broker: str, wires: Network | None) -> Iterator[Mapping[str, Server]]:
    at = {"host": wires.address} if wires else {}
    begun: dict[str, Server] = {}
    try:
        for role, kind in (("store", "postgres"), ("bus", broker)):
            begun[role] = scope().another(kind, **at)
        yield begun
    except Unavailable as error:
        refuse(error, judged=os.environ.get("CI") == "true")
    finally:
        for server in begun.values():
            server.discard()


async def _site(ground: Ground, url: str) -> Site:
    """A database and a prefix of this campaign's own; its nodes are behind the URL."""
    name = f"fleet_{secrets.token_hex(4)}"
    server = ground.servers["store"].url
    connection = await asyncpg.connect(server, timeout=10)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    database = f"{server.rpartition('/')[0]}/{name}"
    store = f"{database}?schema=store"
    async with keyring_in(store) as keyring:
        _, key = await keyring.add("campaign", ROLES)
    options = f"?prefix={name}-" + ("&partitions=4&session=2s" if ground.broker == "kafka" else "")
    return Site(
        store=store,
        bus=ground.servers["bus"].url + options,
        url=url,
        ledger=database,
        parts=PARTS,
        nodes=NODES,
        hosts=ground.hosts,
        key=key,
        travels=True,
    )


@asynccontextmanager
async def fleet(ground: Ground, folder: Path, style: str) -> AsyncIterator[Company]:
    """All at work, a balancer before the nodes."""
    with Balancer(ground.network.address if ground.network else "127.0.0.1").running() as balancer:
        company = Company(folder, style, await _site(ground, balancer.url))
        balancer.at = [
            (company.host(each).address, company.ports[each]) for each in company.servers
        ]
        async with company:
            yield company
