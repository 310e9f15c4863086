"""HTTPS at the server's own door: who trusts its certificate is served, who does not is told so."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.access.locked import CERTIFICATES, TLS, TRUST, Kept, add, locked
from tests.acceptance.cli.processes import SHOP, background, done, environment, refused
from tests.acceptance.cli.test_workers import order

NOT_TRUSTED = "shows a certificate that is not trusted here: unable to get local issuer certificate"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A server with keys and TLS."""
    with locked(tmp_path_factory.mktemp("secure"), *TLS) as kept:
        assert kept.url.startswith("https://127.0.0.1:")
        yield kept


def test_commands_and_workers_that_trust_it_are_served(secure: Kept, tmp_path: Path):
    ask, boss = ("--server", secure.url), {"PAVANE_API_KEY": secure.boss, **TRUST}
    hand = add(tmp_path, "hand", "work", "define", server=secure.url, key=secure.boss, **TRUST)
    with background(tmp_path, "run", str(SHOP), *ask, PAVANE_API_KEY=hand, **TRUST) as workers:
        workers.wait_for("Ctrl-C stops")
        start = ("start", "fulfil_order", *ask, "--wait", "--input", order())
        printed = done(tmp_path, *start, **boss)
        assert json.loads(printed.partition("\n")[2]) == {"parcel": "S-7", "invoice": "I-7"}
        assert workers.stop() == 0


def test_a_command_that_does_not_trust_it_is_told(secure: Kept, tmp_path: Path):
    said = refused(tmp_path, 1, "list", "--server", secure.url, PAVANE_API_KEY=secure.boss)
    assert f"{secure.url} {NOT_TRUSTED}." in said
    assert "SSL_CERT_FILE" in said
    assert "pavane server" not in said, "it runs"


def test_services_that_do_not_trust_it_end_and_say_why(secure: Kept, tmp_path: Path):
    """They are not kept waiting for what cannot come."""
    given = ("run", str(SHOP), "--server", secure.url)
    said = refused(tmp_path, 1, *given, PAVANE_API_KEY=secure.boss)
    assert NOT_TRUSTED in said and "SSL_CERT_FILE" in said


CLIENTS = """
import asyncio, sys
from pavane import Client, SyncClient
from pavane.errors import PavaneError, UntrustedError

async def ask():
    async with Client(sys.argv[1], api_key=sys.argv[2]) as client:
        return await client.executions(limit=1)

async def wait():
    async with Client(sys.argv[1], api_key=sys.argv[2]) as client:
        return await client.execution("none").result(timeout="60s")

def ask_sync():
    with SyncClient(sys.argv[1], api_key=sys.argv[2]) as client:
        return client.executions(limit=1)

for how in (lambda: asyncio.run(ask()), ask_sync, lambda: asyncio.run(wait())):
    try:
        print(type(how()).__name__)
    except PavaneError as error:
        print(type(error).__name__, error)
"""


def clients(url: str, key: str, **env: str) -> list[str]:
    """What a program with both clients prints, line by line."""
    ended = subprocess.run(
        [sys.executable, "-c", CLIENTS, url, key],
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout.splitlines()


def test_clients_that_trust_it_are_served(secure: Kept):
    asked, asked_sync, waited = clients(secure.url, secure.boss, **TRUST)
    assert (asked, asked_sync) == ("list", "list")
    assert waited.startswith("NotFoundError")


def test_clients_that_do_not_trust_it_are_told(secure: Kept):
    said = clients(secure.url, secure.boss)
    assert len(said) == 3
    for line in said:
        assert line.startswith(f"UntrustedError The server at {secure.url} {NOT_TRUSTED}.")
        assert "SSL_CERT_FILE" in line


def test_an_address_that_is_not_in_the_certificate_is_not_trusted(tmp_path: Path):
    with locked(tmp_path, *TLS, "--host", "127.0.0.2") as kept:
        boss = {"PAVANE_API_KEY": kept.boss, **TRUST}
        said = refused(tmp_path, 1, "list", "--server", kept.url, **boss)
        assert "not trusted here" in said and "not valid for '127.0.0.2'" in said


def test_plain_and_tls_that_meet_are_told_apart(secure: Kept, tmp_path: Path):
    plain = secure.url.replace("https", "http")
    said = refused(tmp_path, 1, "list", "--server", plain, PAVANE_API_KEY=secure.boss)
    assert "https://" in said
    with background(tmp_path, "server", "--port", "0", "--store", "memory:") as server:
        https = server.url.replace("http", "https")
        said = refused(tmp_path, 1, "list", "--server", https)
        assert f"What answers at {https} does not speak TLS." in said
        for line in clients(https, ""):
            assert line.startswith("ConnectionFailedError What answers")


def test_no_key_travels_before_the_certificate_is_trusted(tmp_path: Path):
    """Whoever sits in between, with a certificate of their own, hears of no key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server-key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        with background(tmp_path, "list", "--server", url, PAVANE_API_KEY="pvk_a_s3cret") as it:
            heard, _ = listening.accept()
            heard.settimeout(60)
            with heard, pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
                context.wrap_socket(heard, server_side=True).recv(1000)
            assert it.process.wait(60) == 1
