"""By which of its ways a kind of server is had here: the first that can be."""

from pathlib import Path

from dev.services.compose import ComposeServer, engine_runs
from dev.services.kafka import KafkaServer, MockKafka
from dev.services.postgres import PostgresServer
from dev.services.rabbitmq import RabbitServer
from dev.services.server import LOOPBACK, Server, Unavailable

KINDS = ("postgres", "kafka", "rabbitmq")


def start(  # what may be chosen of a server
    kind: str,
    folder: Path,
    cache: Path,
    *,
    durable: bool,
    restarts: bool = False,
    host: str = LOOPBACK,
) -> Server:
    """Start one in this folder; `restarts` asks for one that can be started again.

    `host`: the address of this machine that it listens at, such as a bridge's to other hosts.

    Raise Unavailable, which says of each way why it was none.
    """
    tried: list[str] = []
    for server in candidates(kind, folder, cache, durable=durable):
        if restarts and not server.can_restart:
            tried.append(f"the {server.how} cannot be started again")
            continue
        if host != LOOPBACK and server.how == "compose":
            tried.append(f"the {server.how} is on loopback only")
            continue
        server.host = host
        try:
            server.start()
            return server
        except Unavailable as error:
            server.discard()
            tried.append(str(error))
        except BaseException:
            server.discard()
            raise
    raise Unavailable(f"{kind} cannot be had here: {'; '.join(tried)}")


def candidates(kind: str, folder: Path, cache: Path, *, durable: bool) -> list[Server]:
    """The ways to a server, the preferred one first."""
    programs: dict[str, list[Server]] = {
        "postgres": [PostgresServer(folder, cache, durable=durable)],
        "kafka": [KafkaServer(folder, cache), MockKafka(folder)],
        "rabbitmq": [RabbitServer(folder)],
    }
    return [*([ComposeServer(folder, kind)] if engine_runs() else []), *programs[kind]]
