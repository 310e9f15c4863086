"""The pages in a real browser: the list, a run of each style, changes as they happen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import mixed_services
from pavane.doors.site import build_site
from tests.acceptance.pages.processes import SERVICES, WORKFLOWS, gates
from tests.acceptance.rest.serving import serving

pytestmark = pytest.mark.anyio

EVIL = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"


@asynccontextmanager
async def server() -> AsyncIterator[httpx2.AsyncClient]:
    mixed = mixed_services("memory:", "memory:", services=SERVICES, workflows=WORKFLOWS)
    async with (
        mixed as (engine, company),
        serving(build_site(engine, company)) as running,
        httpx2.AsyncClient(base_url=running.url) as client,
    ):
        yield client


async def start(client: httpx2.AsyncClient, name: str, order: str) -> str:
    body = {"input": {"order": order}, "key": f"key-{order}"}
    answer = await client.post(f"/v1/workflows/{name}/executions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def ended(client: httpx2.AsyncClient, id: str) -> None:
    assert (await client.get(f"/v1/executions/{id}/result?wait=30")).status_code == 200


@asynccontextmanager
async def page_of(browser: Any, client: httpx2.AsyncClient, path: str) -> AsyncIterator[Any]:
    """A page without a single complaint of the browser: no script refused, nothing missing."""
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        await page.goto(f"{client.base_url}{path}")
        yield page
        assert complaints == []
    finally:
        await page.close()


async def seen(page: Any, selector: str, text: str) -> None:
    """It comes to be there, with no reload of the page by anybody but itself."""
    await page.locator(selector, has_text=text).first.wait_for(timeout=15_000)


async def test_the_list_shows_every_style_and_filters(browser: Any):
    async with server() as client:
        for name in ("conducted", "danced", "hybrid"):
            await ended(client, await start(client, name, f"good-{name}"))
        await ended(client, await start(client, "danced", "bad-one"))
        async with page_of(browser, client, "/") as page:
            assert await page.locator("tbody tr").count() == 5, "the part of the hybrid is one too"
            await page.get_by_label("Style").select_option("choreographed")
            await page.get_by_label("Status").select_option("COMPENSATED")
            await page.get_by_role("button", name="Show").click()
            await page.wait_for_url("**status=COMPENSATED**")
            assert await page.locator("tbody tr").count() == 1
            await seen(page, "tbody tr", "no money for bad-one")
            await page.get_by_label("Key or id").fill("key-good-hybrid")
            await page.get_by_label("Status").select_option("")
            await page.get_by_label("Style").select_option("")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**key=key-good-hybrid**")
            assert await page.locator("tbody tr").count() == 1
            await page.locator("tbody a").click()
            await seen(page, "h1", "hybrid")


@pytest.mark.parametrize("name", ["conducted", "danced", "hybrid"])
async def test_a_run_of_each_style_changes_before_ones_eyes(browser: Any, name: str):
    order = f"good-{name}-live"
    gates[order] = asyncio.Event()
    async with server() as client:
        id = await start(client, name, order)
        async with page_of(browser, client, f"/executions/{id}") as page:
            await seen(page, "#live", "live")
            await seen(page, "h1", "RUNNING")
            step = "money" if name == "hybrid" else "pay"
            await seen(page, ".graph .busy", step)
            await page.locator(f"details#step-{step} summary").click()
            gates[order].set()
            await seen(page, "h1", "COMPLETED")
            assert await page.locator("details[open]").count() == 1, "what was opened stays open"
            await seen(page, ".graph .good", step)
            await seen(page, ".happened", "COMPLETED")
            if name == "danced":
                await seen(page, "section", "Messages")
            if name == "hybrid":
                await page.locator(".graph a", has_text="money").click()
                await seen(page, "h1", "hybrid/money")
                await seen(page, ".graph .good", "pay")
                await page.locator("dd a").click()
                await page.wait_for_url(f"**/executions/{id}")


async def test_what_failed_shows_its_way_back(browser: Any):
    async with server() as client:
        for name in ("conducted", "danced", "hybrid"):
            id = await start(client, name, f"bad-{name}")
            await ended(client, id)
            async with page_of(browser, client, f"/executions/{id}") as page:
                await seen(page, "h1", "COMPENSATED")
                await seen(page, ".graph .back", "take")
                await seen(page, "details.undo", "undoes take")
                await seen(page, ".graph .bad", "money" if name == "hybrid" else "pay")


async def test_the_list_hears_of_what_begins(browser: Any):
    async with server() as client, page_of(browser, client, "/") as page:
        await seen(page, "main", "No executions yet")
        await seen(page, "#live", "live")
        for name in ("conducted", "danced"):
            await start(client, name, f"good-{name}")
            await seen(page, "tbody tr", f"key-good-{name}")


async def test_hostile_data_stays_data(browser: Any):
    """In an input, an output, a key and a reason; the title is what a script would have changed."""
    async with server() as client:
        for order in (f"good{EVIL}", f"bad{EVIL}"):
            for name in ("conducted", "danced"):
                id = await start(client, name, order)
                await ended(client, id)
                for path in (f"/executions/{id}", "/", f"/?key={EVIL}"):
                    async with page_of(browser, client, path) as page:
                        assert await page.locator("main script, main img").count() == 0
                        assert await page.title() != "taken"
                        if path.endswith(id):
                            await seen(page, "section", "onerror=document.title")


def human(ref: str, kind: str = "HUMAN") -> list[dict[str, Any]]:
    return [{"name": ref, "taskReferenceName": ref, "type": kind}]


async def test_a_person_answers_while_the_page_changes(browser: Any):
    """What is being typed stays, whatever else happens to the execution."""
    branches = [human("one"), human("two"), human("other", "WAIT")]
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["one", "two"]}
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    async with server() as client:
        definition = {"name": "asking", "version": 1, "tasks": [fork, join]}
        assert (await client.post("/v1/workflows", json=definition)).status_code == 201
        answer = await client.post("/v1/workflows/asking/executions", json={})
        id = answer.json()["id"]
        async with page_of(browser, client, f"/executions/{id}") as page:
            await seen(page, "#live", "live")
            box = page.locator("#ask-two textarea")
            await box.fill('{"ok": true}')
            await client.post(f"/v1/executions/{id}/signal/other", json={})
            await seen(page, "#step-other .chip", "COMPLETED")
            assert await box.input_value() == '{"ok": true}'
            await page.locator("#ask-two").get_by_role("button", name="Answer").click()
            await seen(page, "#step-two .chip", "COMPLETED")
            assert await page.locator("#ask-two").count() == 0
            await page.locator("#ask-one input").fill("too dear")
            await page.locator("#ask-one").get_by_role("button", name="Refuse").click()
            await seen(page, "h1", "FAILED")
            await seen(page, "main", "one: too dear")
