"""The pages behind their login, in a real browser: in, around, thrown out, and in again."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.access.locked import Kept, add, locked
from tests.acceptance.cli.processes import done

pytestmark = pytest.mark.anyio

WAITING = {
    "name": "waiting",
    "version": 1,
    "tasks": [{"name": "stay", "taskReferenceName": "stay", "type": "WAIT"}],
}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with locked(tmp_path) as kept:
        yield kept


async def log_in(page: Any, key: str) -> None:
    await page.get_by_label("Your key").fill(key)
    await page.get_by_role("button", name="Log in").click()


async def test_a_person_logs_in_looks_and_is_thrown_out(kept: Kept, tmp_path: Path, browser: Any):
    boss = {"PAVANE_API_KEY": kept.boss}
    reader = add(tmp_path, "reader", "read", server=kept.url, key=kept.boss)
    id = await started(kept)
    page = await browser.new_page()
    await page.goto(f"{kept.url}/executions/{id}")
    await page.wait_for_url("**/login?next=**")
    await log_in(page, "pvk_no_such")
    await page.get_by_text("This key does not open the server.").wait_for(timeout=15_000)
    await log_in(page, reader)
    await page.wait_for_url(f"**/executions/{id}")  # where they had wanted to go
    await page.locator("h1", has_text="RUNNING").wait_for(timeout=15_000)
    await page.locator("#live", has_text="live").wait_for(timeout=15_000)
    assert await page.evaluate("document.cookie") == "", "no script can read it"
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert reader not in cookie["value"]
    signal = ("signal", id, "stay", "--output", "{}", "--server", kept.url)
    done(tmp_path, *signal, **boss)
    await page.locator("h1", has_text="COMPLETED").wait_for(timeout=15_000)  # told to it
    status = "fetch('/v1/workflows/waiting/executions', {method: 'POST', body: '{}'})"
    assert await page.evaluate(f"{status}.then(answer => answer.status)") == 403, "it may look only"
    done(tmp_path, "keys", "revoke", "reader", "--server", kept.url, **boss)
    await page.goto(f"{kept.url}/")
    await page.wait_for_url("**/login?next=**")
    await log_in(page, kept.boss)
    await page.locator("tbody tr", has_text="waiting").first.wait_for(timeout=15_000)
    await page.evaluate("fetch('/logout', {method: 'POST'})")
    await page.goto(f"{kept.url}/")
    await page.wait_for_url("**/login?next=**")
    await page.close()


async def started(kept: Kept) -> str:
    headers = {"authorization": f"Bearer {kept.boss}"}
    async with httpx2.AsyncClient(base_url=kept.url, headers=headers) as client:
        assert (await client.post("/v1/workflows", json=WAITING)).status_code == 201
        answer = await client.post("/v1/workflows/waiting/executions", json={})
        return str(json.loads(answer.content)["id"])


class Elsewhere(BaseHTTPRequestHandler):
    """Somebody else's page, on the same machine: for a browser that is the same site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


async def test_a_page_of_another_origin_gets_nothing(
    kept: Kept, tmp_path: Path, elsewhere: str, browser: Any
):
    """A person who is logged in comes upon somebody else's page, which sends what it can."""
    page = await browser.new_page()
    await page.goto(f"{kept.url}/")
    await log_in(page, kept.boss)
    await page.wait_for_url(f"{kept.url}/")
    await page.goto(elsewhere)
    body = """{name: "thief", roles: ["administer"]}"""
    forged = f"""fetch("{kept.url}/v1/keys", {{method: "POST", credentials: "include",
        mode: "no-cors", body: JSON.stringify({body})}}).then(() => "sent")"""
    assert await page.evaluate(forged) == "sent"
    read = f"""fetch("{kept.url}/v1/keys", {{credentials: "include"}})
        .then(() => "read", () => "not read")"""
    assert await page.evaluate(read) == "not read"
    assert "refused POST /v1/keys: A page of another origin" in kept.server.text, "with the cookie"
    await page.close()
    given = ("keys", "list", "--json", "--server", kept.url)
    listed = json.loads(done(tmp_path, *given, PAVANE_API_KEY=kept.boss))["keys"]
    assert {each["name"] for each in listed} == {"boss"}
