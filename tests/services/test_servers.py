"""Servers that are started here end whole, come back where they were, and do not collide."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.services.__main__ import main
from dev.services.greetings import NotReady, greet
from dev.services.processes import Process, descendants, me, process
from dev.services.scopes import ROOT, Scope, sweep
from dev.services.server import Server

KINDS = ["postgres", "kafka", "rabbitmq"]


@pytest.fixture
def scope(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scope]:
    """A scope of this test's own; what the jars and wheels are in is shared with the others."""
    ours = Scope(tmp_path_factory.mktemp("scope").name, ROOT)
    ours.own(me())
    yield ours
    ours.down()


def place(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition(":")
    return host, int(port)


def everything(server: Server) -> list[Process]:
    return [p for one in server.processes for p in (one, *descendants(one.pid))]


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_where_it_was(kind: str, request: pytest.FixtureRequest):
    server: Server = request.getfixturevalue(f"own_{kind}")
    url = server.url
    for end in (server.stop, server.kill):
        family = everything(server)
        assert family
        end()
        assert not [one for one in family if one.alive]
        with pytest.raises(NotReady):
            greet(kind, *place(url))
        server.start()
        assert server.url == url
        greet(kind, *place(url))


def test_up_and_down(scope: Scope, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.delenv("POSTGRES_URL", raising=False)
    assert main(["up", "postgres"], scope=scope) == 0
    (known,) = scope.running()
    assert capsys.readouterr().out == f"export POSTGRES_URL={known.url}\n"
    greet("postgres", *place(known.url))
    assert main(["up", "postgres"], scope=scope) == 0  # once is enough
    assert capsys.readouterr().out == f"export POSTGRES_URL={known.url}\n"
    assert main(["urls"], scope=scope) == 0
    assert capsys.readouterr().out == f"export POSTGRES_URL={known.url}\n"
    assert main(["down"], scope=scope) == 0
    assert capsys.readouterr().err == "Stopped 1 servers.\n"
    assert not scope.folder.exists()
    with pytest.raises(NotReady):
        greet("postgres", *place(known.url))
    assert main(["down"], scope=scope) == 0


def test_a_url_that_is_wrong_fails_the_command(scope: Scope, capsys, monkeypatch):
    monkeypatch.setenv("KAFKA_URL", "kafka://127.0.0.1:1")
    assert main(["up", "kafka"], scope=scope) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "KAFKA_URL is kafka://127.0.0.1:1, and no kafka answers there" in told.err


def test_a_kind_that_there_is_not_is_refused(scope: Scope, capsys):
    with pytest.raises(SystemExit):
        main(["up", "mysql"], scope=scope)
    assert "there are postgres, kafka, rabbitmq" in capsys.readouterr().err


ASK = """
import sys
from pathlib import Path
from dev.services.scopes import Scope
print(Scope(sys.argv[1], Path(sys.argv[2])).ensure("postgres", environment={}).url)
"""


def asking(scope: Scope) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ASK, scope.name, str(scope.root)]
    folder = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)


def test_two_at_once_share_a_scope_and_two_scopes_do_not_collide(scope: Scope):
    other = Scope(f"{scope.name}-other", scope.root)
    other.own(me())
    try:
        urls = [p.communicate(timeout=120)[0] for p in [asking(s) for s in (scope, scope, other)]]
        assert urls[0] == urls[1] != urls[2]
        scope.down()
        with pytest.raises(NotReady):
            greet("postgres", *place(urls[0].strip()))
        greet("postgres", *place(urls[2].strip()))
    finally:
        other.down()


def test_what_a_dead_owner_left_is_swept(scope: Scope, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        scope.own(process(owner.pid))
        known = scope.ensure("postgres", environment={})
        sweep(scope.root)
        greet("postgres", *place(known.url))  # its owner lives
        owner.communicate(b"\n")
    assert sweep(scope.root) >= 1
    with pytest.raises(NotReady):
        greet("postgres", *place(known.url))
