"""Options and their refusals: one sentence on what is wrong, one on what to do, exit 2."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from pavane.doors.cli import main
from pavane.doors.cli.main import run
from tests.acceptance.cli.processes import done, environment, pavane, refused

NOTHING: Any = None  # what the command line is wired to


def test_help_lists_the_commands_and_loads_nothing_heavy(tmp_path: Path):
    program = """
import sys
from pavane.doors.cli.main import run
assert run(None, ["--help"]) == 0
heavy = {"rich", "starlette", "uvicorn", "apsw", "asyncio", "pavane.sdk", "pavane.language"}
print("LOADED", sorted(heavy & sys.modules.keys()))
"""
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "LOADED []" in printed
    for command in ("demo", "run", "server", "start", "show", "list", "watch", "check"):
        assert f"\n  {command} " in printed


def test_version(tmp_path: Path):
    assert done(tmp_path, "--version").startswith("pavane 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], ["frobnicate", "--help"]),
        ([], ["Missing command", "--help"]),
        (["start"], ["WORKFLOW", "pavane start --help"]),
        (["start", "x", "--inptu", "{}"], ["--inptu", "--input"]),
        (["start", "x", "--input", '{"a":'], ["--input", "truncated", "@FILE"]),
        (["start", "x", "--input", "[1]"], ["not a JSON object"]),
        (["start", "x", "--input", "@nowhere.json"], ["nowhere.json", "No such file"]),
        (["start", "x", "--app", "shop.py"], ["--app", "--wait"]),
        (["demo", "--orders", "many"], ["--orders", "many"]),
        (["demo", "--orders", "0"], ["--orders"]),
        (["run", "shop.py", "--style", "all"], ["all", "not built yet", "orchestrated"]),
        (["run", "shop.py", "--tasks", "bus"], ["over a bus", "--bus"]),
        (["run", "x", "--tasks", "bus", "--bus", "embedded:b", "--port", "0"], ["--port"]),
        (["run", "x", "--tasks", "bus", "--style", "choreographed"], ["Leave --tasks out"]),
        (["demo", "--style", "baroque"], ["no style 'baroque'"]),
        (["server", "--host", "0.0.0.0", "--auth", "off"], ["0.0.0.0", "--auth", "127.0.0.1"]),
        (["server", "--tls-key", "key.pem"], ["without a certificate", "--tls-cert"]),
        (["server", "--tls-cert", "none.pem"], ["'none.pem'", "No such file", "PEM"]),
        (["list", "--server", "http://x", "--api-key", "pvk_a_b"], ["@FILE", "PAVANE_API_KEY"]),
        (["list", "--server", "http://x", "--api-key", "@nofile"], ["'nofile'"]),
        (["server", "--port", "99999"], ["99999"]),
        (["server", "--store", "mysql://db/x"], ["mysql://db/x", "postgresql://"]),
        (["server", "--bus", "nats://localhost:4222"], ["nats", "not built yet"]),
        (["server", "--bus", "pigeon://loft"], ["pigeon://loft"]),
        (["server", "--bus", "memory:"], ["another process's own", "embedded:FOLDER"]),
        (["list", "--bus", "embedded:nowhere"], ["no bus in nowhere", "pavane run --bus"]),
        (["show", "x", "--bus", "memory:"], ["another process's own", "embedded:FOLDER"]),
        (["list", "--status", "DONE"], ["DONE", "completed"]),
        (["run", "shop.py", "--server", "http://h", "--port", "1"], ["--port", "elsewhere"]),
        (["server", "--lease", "soon"], ["--lease soon", "10s"]),
        (["server", "--lease", "10ms"], ["too short", "1s"]),
        (["list", "--server", "localhost:8080"], ["localhost:8080", "http://"]),
        (["decompile", "x.json"], ["x.json cannot be read"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_use_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
):
    """In this process, for speed: a refusal comes before anything is wired up."""
    for name in [name for name in os.environ if name.startswith("PAVANE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert run(NOTHING, arguments) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith("error: ")
    for word in words:
        assert word in said
    assert "secret" not in said
    assert len(said.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_a_step_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    said = refused(tmp_path, 2, "demo", "--fail", "dance")
    assert "'dance'" in said
    assert "reserve_stock, charge_card, ship, send_invoice" in said
    assert list(tmp_path.iterdir()) == []


def test_an_option_can_be_set_in_the_environment_and_flags_win(tmp_path: Path):
    said = refused(tmp_path, 1, "list", PAVANE_STORE="sqlite:///from-env.db")
    assert "from-env.db" in said
    given = ["list", "--store", "sqlite:///from-flag.db"]
    said = refused(tmp_path, 1, *given, PAVANE_STORE="sqlite:///from-env.db")
    assert "from-flag.db" in said
    said = refused(tmp_path, 1, "list", PAVANE_SERVER="http://127.0.0.1:1")
    assert "http://127.0.0.1:1" in said
    assert "no style" in refused(tmp_path, 2, "demo", PAVANE_STYLE="baroque")
    assert "not JSON" in refused(tmp_path, 2, "start", "x", PAVANE_INPUT="{")
    assert "99999" in refused(tmp_path, 2, "server", PAVANE_PORT="99999")
    assert done(tmp_path, "demo", PAVANE_ORDERS="3", PAVANE_JSON="1").startswith('{"styles"')


def options(name: str, command: click.Command) -> Iterator[tuple[str, str, click.Option]]:
    """Each option of a command, and of the commands in it, with its name in the environment."""
    for option in command.params:
        if isinstance(option, click.Option):
            assert isinstance(option.envvar, str), f"{name} {option.opts[0]}"
            yield option.envvar, name, option
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from options(f"{name} {below}", each)


def test_what_one_command_is_told_in_the_environment_fits_the_others():
    """One name, one kind of value; a test cannot see that it also means the same."""
    found: dict[str, dict[str, str]] = {}
    context = click.Context(main.pavane)
    for command in main.COMMANDS:
        built = main.pavane.get_command(context, command)
        assert built is not None
        for variable, name, option in options(command, built):
            kind = f"{option.type} {option.is_flag} {option.multiple}"
            found.setdefault(variable, {})[kind] = f"{name} {option.opts[0]}"
    assert len(found) > 30
    assert {variable: kinds for variable, kinds in found.items() if len(kinds) > 1} == {}
    lease, takeover = found["PAVANE_LEASE"], found["PAVANE_TAKE_OVER_AFTER"]
    assert [*lease.values(), *takeover.values()] == ["server --lease", "run --take-over-after"]


def test_it_stops_with_its_standard_input(tmp_path: Path):
    given = ["server", "--port", "0", "--stop-with-stdin"]
    with subprocess.Popen(
        [sys.executable, "-m", "pavane", *given],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        assert "answers at" in server.stdout.readline()
        server.stdin.write("nobody reads this\n")
        server.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.5)
        server.stdin.close()
        assert server.wait(30) == 0
        assert server.stdout.read() == "Stopped.\n"
    assert "nothing that ends" in refused(tmp_path, 2, *given), "/dev/null"


def test_a_server_that_is_not_there_is_told(tmp_path: Path):
    said = refused(tmp_path, 1, "show", "x", "--server", "http://127.0.0.1:1")
    assert "does not answer" in said
    assert "pavane server" in said


def test_output_that_nobody_reads_to_its_end_is_no_error(tmp_path: Path):
    ended = subprocess.run(
        f"{sys.executable} -m pavane --help | true",
        shell=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""


def test_a_store_that_is_no_database_is_told(tmp_path: Path):
    (tmp_path / "notes.db").write_text("these are notes, and no database at all\n" * 200)
    ended = pavane(tmp_path, "list", "--store", "sqlite:///notes.db")
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
