"""`pavane keys` as people use it: before a server, beside one, and through it."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.acceptance.access.locked import STORE, add, locked, serving, url_of
from tests.acceptance.cli.processes import done, environment, refused


def test_a_server_that_asks_for_keys_wants_one_that_administers(tmp_path: Path):
    given = ("server", "--port", "0", "--auth", "required", *STORE)
    said = refused(tmp_path, 2, *given)
    assert "needs one that administers" in said
    assert "pavane keys add NAME --role administer" in said
    add(tmp_path, "reader", "read")
    assert "needs one that administers" in refused(tmp_path, 2, *given)
    add(tmp_path, "boss", "administer")
    with serving(tmp_path) as server:
        assert url_of(server)
        assert "Every request needs a key" in server.text


def test_keys_come_and_go_while_a_server_runs(tmp_path: Path):
    with locked(tmp_path) as kept:
        ask, boss = ("--server", kept.url), {"PAVANE_API_KEY": kept.boss}
        press = add(tmp_path, "press", "operate", server=kept.url, key=kept.boss)
        assert re.fullmatch(r"pvk_\w+_\w{40,}", press)
        hand = {"PAVANE_API_KEY": press}
        assert done(tmp_path, "list", *ask, **hand) == "No executions."
        listed = json.loads(done(tmp_path, "keys", "list", "--json", *ask, **boss))["keys"]
        by_name = {each["name"]: each for each in listed}
        assert by_name.keys() == {"boss", "press"}
        assert by_name["press"]["roles"] == ["operate"]
        assert by_name["press"]["requests"] == 1
        shown = done(tmp_path, "keys", "list", *STORE)  # looking is possible beside a server
        assert [line.split()[0] for line in shown.splitlines()] == ["NAME", "boss", "press"]
        said = refused(tmp_path, 1, "keys", "revoke", "press", *STORE)
        assert "--server" in said, "changing is not"
        assert "is revoked" in done(tmp_path, "keys", "revoke", "press", *ask, **boss)
        assert "unknown, revoked or out of date" in refused(tmp_path, 1, "list", *ask, **hand)
        assert "no key" in refused(tmp_path, 1, "keys", "revoke", "press", *ask, **boss).lower()
        again = add(tmp_path, "press", "read", server=kept.url, key=kept.boss)
        assert again != press, "a name that is free may be used again"
        assert kept.server.stop() == 0
        for key in (kept.boss, press, again):
            secret = key.rpartition("_")[2]
            assert secret not in kept.server.text
            for file in tmp_path.iterdir():
                assert secret.encode() not in file.read_bytes(), f"{file.name} holds a key"
    with serving(tmp_path) as server:
        ask = ("--server", url_of(server))
        assert "unknown, revoked" in refused(tmp_path, 1, "list", *ask, **hand)
        assert done(tmp_path, "list", *ask, PAVANE_API_KEY=again) == "No executions."


def test_only_a_key_that_administers_makes_keys(tmp_path: Path):
    with locked(tmp_path) as kept:
        ask = ("--server", kept.url)
        weak = add(tmp_path, "weak", "operate", "define", "work", server=kept.url, key=kept.boss)
        for asked in (("list",), ("add", "thief", "--role", "administer"), ("revoke", "boss")):
            said = refused(tmp_path, 1, "keys", *asked, *ask, PAVANE_API_KEY=weak)
            assert "'weak' does not have the role 'administer'" in said
        assert "wants a key" in refused(tmp_path, 1, "keys", "list", *ask)
        listed = done(tmp_path, "keys", "list", "--json", *ask, PAVANE_API_KEY=kept.boss)
        assert {each["name"] for each in json.loads(listed)["keys"]} == {"boss", "weak"}


def test_a_key_goes_out_of_date_while_a_server_runs(tmp_path: Path):
    with locked(tmp_path) as kept:
        given = ("--role", "read", "--expires", "4s", "--server", kept.url)
        key = done(tmp_path, "keys", "add", "guest", *given, PAVANE_API_KEY=kept.boss)
        made = time.monotonic()
        guest = {"PAVANE_API_KEY": key}
        ended = subprocess.run(
            [sys.executable, "-m", "pavane", "list", "--server", kept.url],
            cwd=tmp_path,
            env=environment(**guest),
            capture_output=True,
            timeout=60,
            check=False,
        )
        if ended.returncode:  # on a machine that is so busy it may have been too late
            assert time.monotonic() > made + 3
        time.sleep(max(0.0, made + 4.1 - time.monotonic()))
        assert "out of date" in refused(tmp_path, 1, "list", "--server", kept.url, **guest)


def test_a_key_in_a_file_is_read_from_there(tmp_path: Path):
    with locked(tmp_path) as kept:
        (tmp_path / "key.txt").write_text(f"{kept.boss}\n")
        given = ("list", "--server", kept.url, "--api-key", "@key.txt")
        assert done(tmp_path, *given) == "No executions."


def test_no_key_and_wrong_ones_are_told_apart(tmp_path: Path):
    with locked(tmp_path) as kept:
        ask = ("list", "--server", kept.url)
        assert "wants a key" in refused(tmp_path, 1, *ask)
        for wrong in ("pvk_wrong_wrong", "something-else", f"{kept.boss}x"):
            said = refused(tmp_path, 1, *ask, PAVANE_API_KEY=wrong)
            assert "unknown, revoked or out of date" in said
        for none in ("two words", "pvk_" + "x" * 300):
            said = refused(tmp_path, 2, *ask, PAVANE_API_KEY=none)
            assert "no key has" in said, "it is not even sent"
