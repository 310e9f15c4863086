"""Which version an execution goes by, that a newer one is registered, and moving it, by clients."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from pavane import Client, Service, SyncClient, workflow
from pavane.bootstrap import dancing_services, running_engine
from pavane.core.model.workflow import Step, Workflow
from pavane.doors.cli.render import execution_lines
from pavane.doors.dashboard.routes import ROUTES
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.errors import ConflictError, NotFoundError
from tests.acceptance.rest.serving import Serving, serving

pytestmark = pytest.mark.anyio


def version(number: int, *refs: str) -> Workflow:
    steps = [Step(name=ref, task_reference_name=ref, type="WAIT") for ref in refs]
    return Workflow(name="order", version=number, tasks=steps)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine("memory:") as engine:
        await engine.register([version(1, "a", "b"), version(2, "a", "b", "c")])
        yield engine


@pytest.fixture
async def served(engine: Engine) -> AsyncIterator[Serving]:
    async with serving(build_app(engine, pages=ROUTES)) as served:
        yield served


@pytest.mark.parametrize("inside", [True, False])
async def test_a_client_sees_the_newer_version_and_moves(
    engine: Engine, served: Serving, inside: bool
):
    async with Client.embedded(engine) if inside else Client(served.url) as client:
        run = await client.start("order", version=1)
        view = await run.state()
        assert (view.version, view.newest_version) == (1, 2)
        await run.signal("a")
        asked = await client.move(run.id, to=2, dry_run=True)
        assert (asked.fits, asked.moved, (await run.state()).version) == (True, False, 1)
        moved = await client.move(run.id)
        assert (moved.before, moved.version, moved.moved) == (1, 2, True)
        assert (await run.state()).version == 2
        await engine.register([version(3, "x", "b")])
        with pytest.raises(ConflictError, match="a"):
            await client.move(run.id, to=3)
        with pytest.raises(NotFoundError):
            await client.move("nobody", to=2)


async def test_the_sync_client_moves_too(engine: Engine, served: Serving):
    id = await engine.start_execution("order", b"{}", version=1)

    def move() -> int:
        with SyncClient(served.url) as client:
            return client.move(id, to=2).version

    assert await asyncio.to_thread(move) == 2


async def test_people_are_told_of_it(engine: Engine, served: Serving):
    """By `pavane show` and on the page; not of what goes by the newest."""
    old = await engine.start_execution("order", b"{}", version=1)
    new = await engine.start_execution("order", b"{}")
    async with Client(served.url) as client, httpx2.AsyncClient() as web:
        told = list(execution_lines(await client.execution(old).state()))
        assert f"  newer    version 2 is registered: pavane move {old} --to 2 --dry-run" in told
        assert "version 2 is registered" in (await web.get(f"{served.url}/executions/{old}")).text
        assert "newer" not in "".join(execution_lines(await client.execution(new).state()))
        assert "is registered" not in (await web.get(f"{served.url}/executions/{new}")).text
        await engine.terminate(old)
        ended = list(execution_lines(await client.execution(old).state()))
        assert "  newer    version 2 is registered" in ended


async def test_what_dances_cannot_be_moved():
    desk = Service("desk")

    @desk.task(read_only=True)
    async def look(order: str) -> str:
        return order

    @workflow(version=4)
    async def looking(order: str) -> str:
        return await look(order)

    async with (
        dancing_services("memory:", services=[desk], workflows=[looking]) as company,
        serving(build_app(None, company)) as served,
        Client(served.url) as client,
    ):
        run = await client.start(looking, "7")
        assert await run.result("20s") == "7"
        view = await run.state()
        assert (view.version, view.newest_version) == (4, 4)
        with pytest.raises(ConflictError, match="choreographed"):
            await client.move(run.id, to=2)
