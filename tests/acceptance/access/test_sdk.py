"""The SDK at a locked server: with the right key, one too weak, none, one that is taken away."""

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pavane import Client, Service, SyncClient, workflow
from pavane.errors import ForbiddenError, UnauthenticatedError
from tests.acceptance.access.locked import Kept, add, locked, serving
from tests.acceptance.cli.processes import SHOP, background, done, refused
from tests.acceptance.cli.test_workers import effects, order, slow, until_effects

pytestmark = pytest.mark.anyio

desk = Service("desk")


@desk.task
async def sign(name: str) -> str: ...


@workflow
async def signing(name: str) -> str:
    return await sign(name)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A server with keys."""
    with locked(tmp_path_factory.mktemp("locked")) as kept:
        yield kept


@pytest.fixture(scope="module")
def keys(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key of each role."""
    folder = tmp_path_factory.mktemp("keys")
    return {
        role: add(folder, f"the-{role}", role, server=kept.url, key=kept.boss)
        for role in ("read", "work", "operate", "define")
    }


async def test_a_client_may_what_its_key_may(kept: Kept, keys: dict[str, str]):
    async with Client(kept.url, api_key=keys["define"]) as definer:
        await definer.register(signing)
        with pytest.raises(ForbiddenError, match="'the-define' does not have the role 'operate'"):
            await definer.start(signing, "Byrd")
    async with Client(kept.url, api_key=keys["operate"]) as operator:
        run = await operator.start(signing, "Byrd", key="one")
        assert await run.pause() == "PAUSED"
        with pytest.raises(ForbiddenError, match="'define'"):
            await operator.register(signing)
    async with Client(kept.url, api_key=keys["read"]) as reader:
        assert (await reader.execution(run.id).state()).status == "PAUSED"
        assert run.id in {each.id for each in await reader.executions()}
        with pytest.raises(ForbiddenError, match="'the-read' does not have the role 'operate'"):
            await reader.execution(run.id).terminate("not mine")
    async with Client(kept.url, api_key=keys["work"]) as worker:
        with pytest.raises(ForbiddenError, match="'the-work' does not have the role 'read'"):
            await worker.execution(run.id).state()
    async with Client(kept.url, api_key=keys["operate"]) as operator:
        assert await operator.execution(run.id).terminate("done with") == "TERMINATED"


async def test_a_client_with_no_key_or_a_wrong_one_is_told(kept: Kept):
    async with Client(kept.url) as nobody:
        with pytest.raises(UnauthenticatedError, match=r"wants a key.*api_key"):
            await nobody.executions()
        with pytest.raises(UnauthenticatedError):
            await nobody.execution("x").result(timeout="60s")
    async with Client(kept.url, api_key="pvk_no_such") as stranger:
        with pytest.raises(UnauthenticatedError, match="unknown, revoked or out of date"):
            await stranger.start(signing, "Byrd")


def test_the_sync_client_likewise(kept: Kept, keys: dict[str, str]):
    with SyncClient(kept.url, api_key=keys["define"]) as definer:
        definer.register(signing)
        with pytest.raises(ForbiddenError, match="'operate'"):
            definer.start(signing, "Byrd")
    with SyncClient(kept.url, api_key=keys["operate"]) as operator:
        run = operator.start(signing, "Byrd")
        assert run.terminate() == "TERMINATED"
    with SyncClient(kept.url) as nobody, pytest.raises(UnauthenticatedError, match="api_key"):
        nobody.execution(run.id).state()
    with (
        SyncClient(kept.url, api_key="pvk_no_such") as stranger,
        pytest.raises(UnauthenticatedError, match="unknown, revoked"),
    ):
        stranger.execution(run.id).result(timeout="60s")


def test_a_client_that_waits_is_told_when_its_key_goes(kept: Kept, keys: dict[str, str]):
    with SyncClient(kept.url, api_key=keys["define"]) as definer:
        definer.register(signing)
    folder = kept.server.output.parent
    key = add(folder, "waiter", "operate", server=kept.url, key=kept.boss)
    with SyncClient(kept.url, api_key=key) as waiter:
        run = waiter.start(signing, "Byrd")
        told: list[Exception] = []

        def wait() -> None:
            try:
                run.result(timeout="120s")
            except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
                told.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        boss = {"PAVANE_API_KEY": kept.boss}
        done(folder, "keys", "revoke", "waiter", "--server", kept.url, **boss)
        done(folder, "cancel", run.id, "--server", kept.url, **boss)  # so that there is an answer
        waiting.join(60)
        assert [type(each) for each in told] == [UnauthenticatedError]


# --- services as processes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("", "wants a key"),
        ("wrong", "unknown, revoked or out of date"),
        ("read", "'the-read' does not have the role 'define'"),
        ("work", "'the-work' does not have the role 'define'"),
    ],
)
def test_services_that_may_not_end_and_say_why(
    kept: Kept, keys: dict[str, str], tmp_path: Path, role: str, words: str
):
    key = keys.get(role, role and "pvk_no_such")
    before = refusals(kept)
    said = refused(tmp_path, 1, "run", str(SHOP), "--server", kept.url, PAVANE_API_KEY=key)
    assert words in said
    assert refusals(kept) - before <= 1, "it does not knock again"


def test_the_shop_at_a_locked_server(kept: Kept, keys: dict[str, str], tmp_path: Path):
    hand = add(tmp_path, "hand", "work", "define", server=kept.url, key=kept.boss)
    given, ask = ("run", str(SHOP), "--server", kept.url), ("--server", kept.url)
    parts = [("inventory", "payment"), ("shipping", "notifications")]
    named = [[word for name in part for word in ("--service", name)] for part in parts]
    with (
        background(tmp_path, *given, *named[0], PAVANE_API_KEY=hand) as one,
        background(tmp_path, *given, *named[1], PAVANE_API_KEY=hand) as other,
    ):
        one.wait_for("Ctrl-C stops")
        other.wait_for("Ctrl-C stops")
        start = ("start", "fulfil_order", *ask, "--wait", "--input", order())
        printed = done(tmp_path, *start, PAVANE_API_KEY=keys["operate"])
        assert json.loads(printed.partition("\n")[2]) == {"parcel": "S-7", "invoice": "I-7"}
        assert "'operate'" in refused(tmp_path, 1, *start, PAVANE_API_KEY=hand)
        assert one.stop() == 0


def test_services_whose_key_is_taken_away_end_and_others_do_their_work(tmp_path: Path):
    app = slow(tmp_path)
    (tmp_path / "hold").touch()
    with locked(tmp_path, "--lease", "1s") as kept:
        boss, ask = {"PAVANE_API_KEY": kept.boss}, ("--server", kept.url)
        leaked, fresh = (
            add(tmp_path, name, "work", "define", server=kept.url, key=kept.boss)
            for name in ("leaked", "fresh")
        )
        with background(tmp_path, "run", app, *ask, PAVANE_API_KEY=leaked) as first:
            first.wait_for("Ctrl-C stops")
            id = done(tmp_path, "start", "both", *ask, "--input", '{"name": "a"}', **boss)
            until_effects(tmp_path, "begin ", 1)
            done(tmp_path, "keys", "revoke", "leaked", *ask, **boss)
            with background(tmp_path, "run", app, *ask, PAVANE_API_KEY=fresh) as second:
                second.wait_for("Ctrl-C stops")
                until_effects(tmp_path, "begin ", 2)
                (tmp_path / "hold").unlink()
                ended_with(tmp_path, kept, id)
                assert first.process.wait(60) == 1
                assert "unknown, revoked or out of date" in first.text
                assert "Traceback" not in first.text
                assert second.stop() == 0
        assert refusals(kept) <= 10, "it did not knock again and again"
        assert len(effects(tmp_path, "begun")) == 2, "the first one finished in vain"


def test_services_find_a_locked_server_again(tmp_path: Path):
    with locked(tmp_path) as kept:
        ask = ("--server", kept.url)
        hand = add(tmp_path, "hand", "work", "define", server=kept.url, key=kept.boss)
        with background(tmp_path, "run", slow(tmp_path), *ask, PAVANE_API_KEY=hand) as it:
            it.wait_for("Ctrl-C stops")
            kept.server.process.send_signal(signal.SIGKILL)
            kept.server.process.wait()
            it.wait_for("does not answer .* Trying again")
            with serving(tmp_path, port=kept.url.rpartition(":")[2]):
                it.wait_for("answers again")
                start = ("start", "both", *ask, "--input", '{"name": "a"}')
                id = done(tmp_path, *start, PAVANE_API_KEY=kept.boss)
                ended_with(tmp_path, kept, id)


def refusals(kept: Kept) -> int:
    """How often the server has refused somebody, as it says."""
    found = max(map(int, re.findall(r"\((\d+) so far\)", kept.server.text)), default=0)
    assert found < 20, "from then on it does not say it each time"
    return found


def ended_with(folder: Path, kept: Kept, id: str) -> None:
    until = time.monotonic() + 60
    while True:
        shown = done(folder, "show", id, "--json", "--server", kept.url, PAVANE_API_KEY=kept.boss)
        if json.loads(shown)["status"] == "COMPLETED":
            return
        assert time.monotonic() < until, shown
        time.sleep(0.2)
