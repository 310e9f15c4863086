"""`pavane server` carries out the calls of definitions that came over its API, and HTTP steps."""

import asyncio
import signal
from pathlib import Path

import httpx2
import msgspec
import pytest

from pavane import Call, Client, Service, workflow
from pavane.errors import ExecutionFailedError
from tests.acceptance.calls.stock import Stock, stock
from tests.acceptance.cli.processes import background

pytestmark = pytest.mark.anyio

SERVER = ("server", "--port", "0")
ALLOWED = (*SERVER, "--allow-calls-to", "127.0.0.1")


def reserving(plain: Stock):
    inventory = Service("inventory", url=plain.origin)

    @inventory.task(call=Call("DELETE /orders/{order}/reservations", done_on=[404]))
    async def release(order: str) -> None: ...

    @inventory.task(
        call="POST /orders/{order}/reservations", undo=release, retry_delay="50ms", timeout="20s"
    )
    async def reserve(order: str, many: int) -> dict[str, object]: ...

    @workflow
    async def reserving(order: str) -> dict[str, object]:
        return await reserve(order, 2)

    return reserving


async def test_it_calls_what_a_client_registered(plain: Stock, tmp_path: Path):
    plain.script = [503]
    flow = reserving(plain)
    with background(tmp_path, *ALLOWED) as server:
        async with Client(server.url) as client:
            await client.register(flow)
            run = await client.start(flow, "7")
            assert await run.result(timeout=20) == {"id": "r-7", "total": 40}
    assert [path for _, path, _, _ in plain.asked] == ["/orders/7/reservations"] * 2
    assert plain.headers("idempotency-key") == [f"{run.id}:reserve"] * 2


async def test_it_calls_no_loopback_unless_told(plain: Stock, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("PAVANE_ALLOW_CALLS_TO")
    flow = reserving(plain)
    with background(tmp_path, *SERVER) as server:
        async with Client(server.url) as client:
            await client.register(flow)
            run = await client.start(flow, "7")
            with pytest.raises(ExecutionFailedError, match="--allow-calls-to"):
                await run.result(timeout=20)
    assert plain.asked == []


@pytest.mark.parametrize("bus", [(), ("--bus", "embedded:bus")], ids=["alone", "on a bus"])
async def test_a_killed_server_calls_again_with_the_same_key(
    plain: Stock, tmp_path: Path, bus: tuple[str, ...]
):
    plain.script = ["slow"]
    flow = reserving(plain)
    with background(tmp_path, *ALLOWED, *bus) as server:
        async with Client(server.url) as client:
            await client.register(flow)
            run = await client.start(flow, "7")
            await plain.until_asked(1)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
    with background(tmp_path, *ALLOWED, *bus) as server:
        async with Client(server.url) as client:
            run = await client.start(flow, "7", key="again")
            await run.result(timeout=20)
            await plain.until_asked(3)
    keys = plain.headers("idempotency-key")
    assert len(set(keys)) == 2  # of the first execution twice, of the second once
    assert len(plain.reserved) == 2


async def test_a_secret_is_sent_to_its_places_only(plain: Stock, tmp_path: Path):
    """Whoever may define tasks cannot have it sent to themselves."""
    call = Call("GET /orders", headers={"authorization": "Bearer {secret.stock}"}, retry_on=[403])

    def asking(origin: str):
        @Service("inventory", url=origin).task(name=f"ask_{len(flows)}", call=call)
        async def ask() -> dict[str, object]: ...

        @workflow(name=f"asking_{len(flows)}")
        async def asking() -> dict[str, object]:
            return await ask()

        return asking

    flows: list = []
    with stock() as evil:
        flows += [asking(plain.origin)]
        flows += [asking(evil.origin)]
        given = {"PAVANE_SECRET_STOCK": "s3cret", "PAVANE_SECRET_STOCK_HOSTS": plain.origin}
        with background(tmp_path, *ALLOWED, **given) as server:
            async with Client(server.url) as client:
                await client.register(*flows)
                assert await (await client.start(flows[0])).result(timeout=20)
                stolen = await client.start(flows[1])
                with pytest.raises(ExecutionFailedError, match="may not go to http://127") as no:
                    await stolen.result(timeout=20)
                said = msgspec.json.encode(await stolen.state()).decode()
        assert plain.headers("authorization") == ["Bearer s3cret"]
        assert evil.asked == [], "it was not tried again either"
        assert "s3cret" not in str(no.value) + said + server.text


HTTP_FLOW = {
    "name": "over_http",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "a@example.org",
    "tasks": [
        {
            "name": "ask",
            "taskReferenceName": "ask",
            "type": "HTTP",
            "inputParameters": {
                "http_request": {
                    "uri": "${workflow.input.uri}",
                    "method": "POST",
                    "headers": {"X-Shop": "paris"},
                    "body": {"many": 2},
                    "readTimeOut": 1000,
                }
            },
        }
    ],
    "outputParameters": {"answer": "${ask.output.response}"},
}


async def ended(client: httpx2.AsyncClient, id: str) -> dict:
    async with asyncio.timeout(20):
        while True:
            found = (await client.get(f"/workflow/{id}?includeTasks=true")).json()
            if found["status"] != "RUNNING":
                return found
            await asyncio.sleep(0.05)


async def test_an_http_step_of_conductor(plain: Stock, tmp_path: Path):
    plain.script = [503]
    with background(tmp_path, *ALLOWED) as server:
        async with httpx2.AsyncClient(base_url=f"{server.url}/api") as client:
            ask = {"name": "ask", "retryCount": 1, "retryDelaySeconds": 0, "ownerEmail": "a@b.org"}
            (await client.post("/metadata/taskdefs", json=[ask])).raise_for_status()
            (await client.post("/metadata/workflow", json=HTTP_FLOW)).raise_for_status()
            uri = f"{plain.origin}/orders/7/reservations"
            id = (await client.post("/workflow/over_http", json={"uri": uri})).text
            found = await ended(client, id)
            assert found["status"] == "COMPLETED", found
            answer = found["output"]["answer"]
            assert (answer["statusCode"], answer["reasonPhrase"]) == (201, "Created")
            assert answer["body"] == {"id": "r-7", "total": 40}
            assert answer["headers"]["content-type"] == ["application/json"]
            first, second = found["tasks"]
            assert {first["taskType"], second["taskType"]} == {"HTTP"}
            assert first["status"] == "FAILED"
            assert "answered 503" in first["reasonForIncompletion"]
            # a redirect is an answer that is no success, and a refused place is not asked
            plain.script = ["redirect", "redirect"]
            id = (await client.post("/workflow/over_http", json={"uri": uri})).text
            assert (await ended(client, id))["status"] == "FAILED"
            uri = "http://169.254.169.254/latest/meta-data"
            id = (await client.post("/workflow/over_http", json={"uri": uri})).text
            refused = await ended(client, id)
            assert "link-local" in refused["reasonForIncompletion"]
    assert plain.headers("x-shop")[:2] == ["paris", "paris"]


async def test_an_http_step_that_somebody_else_completes(plain: Stock, tmp_path: Path):
    flow = {**HTTP_FLOW, "name": "later"}
    flow["tasks"] = [{**HTTP_FLOW["tasks"][0], "asyncComplete": True}]
    with background(tmp_path, *ALLOWED) as server:
        async with httpx2.AsyncClient(base_url=f"{server.url}/api") as client:
            (await client.post("/metadata/workflow", json=flow)).raise_for_status()
            uri = f"{plain.origin}/orders/7/reservations"
            id = (await client.post("/workflow/later", json={"uri": uri})).text
            await plain.until_asked(1)
            await asyncio.sleep(0.3)
            found = (await client.get(f"/workflow/{id}?includeTasks=true")).json()
            assert found["status"] == "RUNNING"
            done = {"response": {"body": "by hand"}}
            told = await client.post(f"/tasks/{id}/ask/COMPLETED", json=done)
            told.raise_for_status()
            found = await ended(client, id)
            assert found["output"]["answer"] == {"body": "by hand"}
    assert len(plain.asked) == 1
