"""A locked server as a process, and keys made as a person makes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.cli.processes import Background, background, pavane

STORE = ("--store", "sqlite:///locked.db")
CERTIFICATES = Path(__file__).with_name("certificates")
"""Of an authority that nobody trusts but who is told to, and of 127.0.0.1 by it; until 2099.

Made with openssl; the authority's own key is thrown away.
"""
TLS = (
    *("--tls-cert", str(CERTIFICATES / "server.pem")),
    *("--tls-key", str(CERTIFICATES / "server-key.pem")),
)
TRUST = {"SSL_CERT_FILE": str(CERTIFICATES / "authority.pem")}


class Kept(NamedTuple):
    """A server that asks for keys, and one that administers."""

    server: Background
    url: str
    boss: str


def add(folder: Path, name: str, *roles: str, **more: str) -> str:
    """Make a key in the store, or with `server` and `key` through a server; its text."""
    where = ("--server", more.pop("server")) if "server" in more else STORE
    env = {"PAVANE_API_KEY": more.pop("key")} if "key" in more else {}
    given = [word for role in roles for word in ("--role", role)]
    ended = pavane(folder, "keys", "add", name, *given, *where, **env, **more)
    assert ended.returncode == 0, ended.stderr
    assert "not shown again" in ended.stderr
    return ended.stdout.strip()


@contextmanager
def locked(folder: Path, *more: str, port: str = "0") -> Iterator[Kept]:
    """On loopback, with `--auth required`."""
    boss = add(folder, "boss", "administer")
    with serving(folder, *more, port=port) as server:
        yield Kept(server, url_of(server), boss)


@contextmanager
def serving(folder: Path, *more: str, port: str = "0") -> Iterator[Background]:
    """The server alone, on the store with the keys."""
    with background(
        folder, "server", "--port", port, "--auth", "required", *STORE, *more
    ) as server:
        yield server


def url_of(server: Background) -> str:
    """Where it answers, by TLS or not, once it does."""
    return server.wait_for(r"answers at (https?://[\d.]+:\d+)")[1]
