"""People answer on the page: the form, what becomes of it, and who may send it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import running_engine
from pavane.doors.site import build_site

pytestmark = pytest.mark.anyio

EVIL = "\"'><script>alert(1)</script>"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with running_engine("memory:") as engine:
        transport = httpx2.ASGITransport(app=build_site(engine), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


async def asked(client: httpx2.AsyncClient, kind: str = "HUMAN", **inputs: Any) -> str:
    step = {"name": "a", "taskReferenceName": "ask me/now", "type": kind, "inputParameters": inputs}
    definition = {"name": "w", "version": 1, "tasks": [step]}
    assert (await client.post("/v1/workflows", json=definition)).status_code == 201
    return (await client.post("/v1/workflows/w/executions", json={})).json()["id"]


async def send(client: httpx2.AsyncClient, id: str, **form: str) -> httpx2.Response:
    address = f"/executions/{id}/answer/ask%20me%2Fnow"
    assert f'action="{address}"' in (await client.get(f"/executions/{id}")).text
    return await client.post(address, data=form)


async def view(client: httpx2.AsyncClient, id: str) -> Any:
    return (await client.get(f"/v1/executions/{id}")).json()


async def test_an_answer(client: httpx2.AsyncClient):
    id = await asked(client, to=["anna", "bert"], total=7)
    assert "Waits for anna, bert: ask me/now" in (await client.get(f"/executions/{id}")).text
    response = await send(client, id, status="COMPLETED", output='{"ok": "ja, gern"}', reason="")
    assert (response.status_code, response.headers["location"]) == (303, f"/executions/{id}")
    found = await view(client, id)
    assert (found["status"], found["output"]) == ("COMPLETED", {"ok": "ja, gern"})
    assert "<form" not in (await client.get(f"/executions/{id}")).text


async def test_a_refusal(client: httpx2.AsyncClient):
    id = await asked(client)
    response = await send(client, id, status="FAILED", output="{}", reason="zu teuer & zu spät")
    assert response.status_code == 303
    found = await view(client, id)
    assert (found["status"], found["reason"]) == ("FAILED", "ask me/now: zu teuer & zu spät")


@pytest.mark.parametrize(
    "form",
    [
        {"status": "COMPLETED", "output": "no JSON"},
        {"status": "COMPLETED", "output": "[1]"},
        {"status": "COMPLETED", "output": '{"a":' * 2000 + "1" + "}" * 2000},
        {"status": "CANCELED", "output": "{}"},
        {"output": "{}"},
    ],
)
async def test_what_makes_no_sense_is_a_page_and_changes_nothing(
    client: httpx2.AsyncClient, form: dict[str, str]
):
    id = await asked(client)
    response = await send(client, id, **form)
    assert response.status_code in {400, 413, 422}, response.text
    assert response.headers["content-type"].startswith("text/html")
    assert (await view(client, id))["status"] == "RUNNING"


async def test_an_answer_that_comes_too_late(client: httpx2.AsyncClient):
    id = await asked(client)
    assert (await send(client, id, status="COMPLETED")).status_code == 303
    late = await client.post(
        f"/executions/{id}/answer/ask%20me%2Fnow", data={"status": "COMPLETED"}
    )
    assert late.status_code == 409


async def test_a_page_of_another_origin_answers_nothing(client: httpx2.AsyncClient):
    id = await asked(client)
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    address = f"/executions/{id}/answer/ask%20me%2Fnow"
    response = await client.post(address, data={"status": "COMPLETED"}, headers=headers)
    assert response.status_code == 403
    assert (await view(client, id))["status"] == "RUNNING"


async def test_what_strangers_wrote_is_escaped(client: httpx2.AsyncClient):
    id = await asked(client, to=EVIL, said=EVIL)
    page = (await client.get(f"/executions/{id}")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


async def test_only_people_are_asked_on_the_page(client: httpx2.AsyncClient):
    id = await asked(client, kind="WAIT")
    assert "<form" not in (await client.get(f"/executions/{id}")).text
