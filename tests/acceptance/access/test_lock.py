"""What the lock answers, counts, logs, and what it does not let out."""

import asyncio
import json
import logging

import httpx2
import pytest

from pavane.doors.rest.access.lock import Lock
from tests.acceptance.access.conftest import Locked, client_of

pytestmark = pytest.mark.anyio

WAITING = {
    "name": "waiting",
    "version": 1,
    "tasks": [
        {"name": "wait", "taskReferenceName": "wait", "type": "WAIT"},
        {"name": "book", "taskReferenceName": "book", "type": "SIMPLE"},
    ],
}


async def begun(locked: Locked) -> str:
    """An execution of `waiting`, with its definition."""
    async with locked.client(locked.keys["administer"]) as boss:
        await boss.post("/v1/tasks", json=[{"name": "book"}])
        await boss.post("/v1/workflows", json=WAITING)
        return (await boss.post("/v1/workflows/waiting/executions", json={})).json()["id"]


@pytest.mark.parametrize("path", ["/v1/executions", "/v1/exchange", "/x"])
async def test_a_problem_is_told(locked: Locked, path: str):
    async with locked.client() as nobody, locked.client("pvk_wrong") as stranger:
        without, bad = await nobody.post(path), await stranger.post(path)
    for answer in (without, bad):
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["status"]) == ("unauthenticated", 401)
        assert answer.json()["remedy"]
    assert without.headers["www-authenticate"] == 'Bearer realm="pavane"'
    assert bad.headers["www-authenticate"] == 'Bearer realm="pavane", error="invalid_token"'


@pytest.mark.parametrize("path", ["/api/workflow", "/api/tasks", "/api/x"])
async def test_conductors_errors_are_told_in_its_shape(locked: Locked, path: str):
    async with locked.client() as nobody, locked.client("pvk_wrong") as stranger:
        without, bad = await nobody.post(path), await stranger.post(path)
    for answer in (without, bad):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert {"status", "message", "instance", "retryable"} <= answer.json().keys()
    assert "error" not in without.json()
    assert bad.json()["error"] == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic cGF2YW5lOnB2aw=="},
        {"authorization": "KEY"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer  "},
        {"authorization": "Bearer KEY KEY"},
        {"authorization": "Bearer x", "x-authorization": "KEY"},
        {"authorization": "Bearer " + "x" * 100_000},
        {"x-authorization": "Bearer KEY"},
        {"cookie": "pavane_session=KEY"},
        {"x-api-key": "KEY"},
    ],
    ids=str,
)
async def test_other_ways_to_show_a_key_do_not_open(locked: Locked, headers: dict[str, str]):
    shown = {name: value.replace("KEY", locked.keys["read"]) for name, value in headers.items()}
    async with locked.client(**shown) as client:
        assert (await client.get("/v1/executions")).status_code == 401
        assert (await client.get("/v1/executions?key=" + locked.keys["read"])).status_code == 401
        assert (await client.get("/health")).status_code == 200


async def test_a_token_for_conductors_sdks(locked: Locked):
    key = locked.keys["read"]
    id, secret = key.split("_")[1:]
    async with locked.client() as client:
        for given in (key, secret):
            body = {"keyId": id, "keySecret": given}
            token = (await client.post("/api/token", json=body)).json()["token"]
            headers = {"x-authorization": token}
            assert (await client.get("/api/workflow/search", headers=headers)).status_code == 200
        for wrong in ({"keyId": id, "keySecret": secret[:-1]}, {"keyId": "x", "keySecret": secret}):
            refused = await client.post("/api/token", json=wrong)
            assert refused.status_code == 401
            assert refused.json()["error"] == "INVALID_TOKEN"
        assert (await client.post("/api/token", content=b"{")).status_code == 400
        assert (await client.post("/api/token", content=b"x" * 10_000)).status_code == 413


async def test_without_keys_there_are_no_tokens(unlocked: Lock):
    async with client_of(unlocked) as client:
        refused = await client.post("/api/token", json={"keyId": "a", "keySecret": "b"})
    assert refused.status_code == 404


async def test_keys_are_made_listed_and_revoked(locked: Locked):
    async with locked.client(locked.keys["administer"]) as boss:
        made = await boss.post("/v1/keys", json={"name": "new", "roles": ["work", "define"]})
        assert made.status_code == 201
        key = made.json()["key"]
        async with locked.client(key) as new:
            assert (await new.get("/v1/workflows")).status_code == 200
            assert (await new.get("/v1/workflows")).status_code == 200
        assert (await boss.post("/v1/keys", json={"name": "new", "roles": ["read"]})).json()[
            "code"
        ] == "already-exists"
        wrong = await boss.post("/v1/keys", json={"name": "x", "roles": ["root"]})
        assert wrong.status_code == 422
        listed = (await boss.get("/v1/keys")).json()["keys"]
        (line,) = [each for each in listed if each["name"] == "new"]
        assert (line["roles"], line["requests"]) == (["work", "define"], 2)
        assert line["lastUsedAt"] == locked.clock.at
        assert key.rpartition("_")[2] not in json.dumps(listed)
        assert (await boss.delete("/v1/keys/new")).json()["id"] == line["id"]
        assert (await boss.delete("/v1/keys/new")).status_code == 404
        async with locked.client(key) as new:
            assert (await new.get("/v1/workflows")).status_code == 401
        assert (await boss.delete("/v1/keys/the-administer")).status_code == 409


async def test_nobody_makes_keys_where_none_are_asked_for(unlocked: Lock):
    async with client_of(unlocked) as client:
        assert (await client.get("/v1/executions")).status_code == 200
        for answer in (
            await client.get("/v1/keys"),
            await client.post("/v1/keys", json={"name": "x", "roles": ["administer"]}),
            await client.delete("/v1/keys/x"),
        ):
            assert answer.status_code == 403
            assert "asks nobody for a key" in answer.json()["detail"]


async def test_a_worker_settles_no_step_that_waits(locked: Locked):
    execution_id = await begun(locked)
    async with locked.client(locked.keys["read"]) as reader:
        tasks = (await reader.get(f"/api/workflow/{execution_id}")).json()["tasks"]
    result = {
        "workflowInstanceId": execution_id,
        "taskId": tasks[0]["taskId"],
        "status": "COMPLETED",
    }

    async def status(role: str) -> str:
        async with locked.client(locked.keys[role]) as client:
            await client.post("/api/tasks", json=result)
        async with locked.client(locked.keys["read"]) as reader:
            view = (await reader.get(f"/v1/executions/{execution_id}")).json()
        return view["steps"][0]["status"]

    assert await status("work") == "IN_PROGRESS"
    assert await status("administer") == "COMPLETED"


async def test_an_answer_that_waits_is_not_given_to_a_revoked_key(locked: Locked):
    execution_id = await begun(locked)
    async with locked.client(locked.keys["read"]) as reader:
        path = f"/v1/executions/{execution_id}/result?wait=20"
        waiting = asyncio.create_task(reader.get(path))
        await asyncio.sleep(0.05)
        await locked.keyring.remove("the-read")
        async with locked.client(locked.keys["operate"]) as operator:
            await operator.post(f"/v1/executions/{execution_id}/terminate", json={})
        answer = await asyncio.wait_for(waiting, 10)
    assert answer.status_code == 401
    assert execution_id not in answer.text


@pytest.mark.parametrize("how", ["revoked", "out of date", "not at all"])
async def test_a_stream_ends_with_its_key(locked: Locked, how: str):
    sent: list[bytes] = []

    class Stream:
        """An application whose one answer is a stream."""

        async def __call__(self, _scope, _receive, send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for number in range(3):
                if number == 1 and how == "revoked":
                    await locked.keyring.remove("press")
                elif number == 1 and how == "out of date":
                    locked.clock.at += 1000
                body = b"%d" % number
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"end", "more_body": False})

        def stop(self) -> None:
            """It ends by itself."""

    _, key = await locked.keyring.add("press", ["read"], expires_at=locked.clock.at + 1000)

    async def send(message) -> None:
        sent.append(message.get("body", b""))
        if len(sent) > 1 and not message["more_body"]:
            sent.append(b"closed")

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/executions",
        "headers": [(b"authorization", f"Bearer {key}".encode())],
    }
    await Lock(Stream(), locked.keyring)(scope, receive=None, send=send)  # type: ignore[arg-type] # nothing is received
    whole = [b"", b"0", b"1", b"2", b"end", b"closed"]
    assert sent == (whole if how == "not at all" else [b"", b"0", b"", b"closed"])


async def test_logs_name_keys_and_do_not_show_them(
    locked: Locked, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.DEBUG):
        await begun(locked)
        async with locked.client(locked.keys["administer"]) as boss:
            made = (await boss.post("/v1/keys", json={"name": "n", "roles": ["read"]})).json()
            await boss.delete("/v1/keys/n")
        secret = made["key"].rpartition("_")[2]
        async with locked.client(made["key"]) as gone:
            await gone.get("/v1/executions")
            await gone.post("/login", data={"key": made["key"]})
            body = {"keyId": made["id"], "keySecret": made["key"]}
            await gone.post("/api/token", json=body)
        async with locked.client(locked.keys["read"]) as reader:
            await reader.get("/v1/executions/x%0aforged line")
    assert "'the-administer' POST /v1/keys" in caplog.text
    assert "key 'n'" in caplog.text
    assert "refused GET /v1/executions" in caplog.text
    assert "\nforged" not in caplog.text
    for key in [made["key"], *locked.keys.values()]:
        assert key.rpartition("_")[2] not in caplog.text
    assert secret not in caplog.text


async def test_who_knocks_often_fills_no_log(locked: Locked, caplog: pytest.LogCaptureFixture):
    async with locked.client() as nobody:
        for _ in range(300):
            await nobody.get("/v1/executions")
    assert 20 <= caplog.text.count("refused") <= 20 + 5
    assert "256 so far" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8080"}, 200),
        ({"host": "localhost:8080"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost.evil.example:8080"}, 403),
        ({"host": "0.0.0.0:8080"}, 403),
        ({"host": "10.0.0.7"}, 403),
        ({"host": "localhost:80", "origin": "http://localhost:80"}, 200),
        ({"host": "localhost:80", "origin": "http://localhost:3000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "http://proxied.example"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
    ids=str,
)
async def test_other_peoples_pages_are_refused_without_keys(
    unlocked: Lock, locked: Locked, headers: dict[str, str], status: int
):
    async with client_of(unlocked, **headers) as client:
        answer = await client.get("/v1/executions")
        polled = await client.get("/api/tasks/poll/batch/book?timeout=0")
    assert (answer.status_code, polled.status_code) == (status, status)
    async with locked.client(locked.keys["read"], **headers) as client:
        assert (await client.get("/v1/executions")).status_code == 200, "a key says who it is"


async def test_a_link_to_a_page_may_be_followed(unlocked: Lock):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    async with client_of(unlocked, **headers) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.post("/login", content=b"")).status_code == 403


async def test_a_websocket_is_closed(locked: Locked):
    said: list[object] = []

    async def send(message) -> None:
        said.append(message)

    scope = {"type": "websocket", "path": "/v1/executions", "headers": []}
    await locked.app(scope, None, send)  # type: ignore[arg-type] # nothing is received
    assert said == [{"type": "websocket.close", "code": 1008}]


class TestBrowser:
    """Logging in, and out."""

    async def test_a_person_is_shown_the_form(self, locked: Locked):
        async with locked.client(accept="text/html,*/*") as browser:
            sent = await browser.get("/some/page")
            assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/some/page")
            assert (await browser.get("/v1/executions")).status_code == 401
            form = await browser.get(sent.headers["location"])
        assert form.status_code == 200
        assert 'value="/some/page"' in form.text
        assert "default-src 'none'" in form.headers["content-security-policy"]

    async def log_in(self, browser: httpx2.AsyncClient, key: str, **more: str) -> httpx2.Response:
        return await browser.post("/login", data={"key": key, **more})

    async def test_a_session_lasts_until_log_out(self, locked: Locked):
        async with locked.client() as browser:
            answer = await self.log_in(browser, locked.keys["operate"], next="/some/page")
            assert (answer.status_code, answer.headers["location"]) == (303, "/some/page")
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert locked.keys["operate"] not in cookie
            assert (await browser.get("/v1/executions")).status_code == 200
            assert (await browser.get("/v1/keys")).status_code == 403
            value = browser.cookies["pavane_session"]
            await browser.post("/logout")
            assert "pavane_session" not in browser.cookies
            held = {"cookie": f"pavane_session={value}"}
            assert (await browser.get("/v1/executions", headers=held)).status_code == 401

    @pytest.mark.parametrize("how", ["revoked", "old"])
    async def test_a_session_ends_by_itself(self, locked: Locked, how: str):
        async with locked.client() as browser:
            await self.log_in(browser, locked.keys["read"])
            assert (await browser.get("/v1/executions")).status_code == 200
            if how == "revoked":
                await locked.keyring.remove("the-read")
            else:
                locked.clock.at += 12 * 3600 * 1000
            assert (await browser.get("/v1/executions")).status_code == 401

    async def test_a_wrong_key_is_told_and_not_repeated(self, locked: Locked):
        async with locked.client() as browser:
            answer = await self.log_in(browser, "pvk_wrong<b>", next='/"><script>')
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            assert "pvk_wrong" not in answer.text
            assert "<script>" not in answer.text
            assert (await browser.post("/login", content=b"x" * 10_000)).status_code == 413

    @pytest.mark.parametrize(
        "where", ["//evil.example", "/\\evil", "https://evil.example", "/\r\nx"]
    )
    async def test_it_leads_nowhere_else(self, locked: Locked, where: str):
        async with locked.client() as browser:
            answer = await self.log_in(browser, locked.keys["read"], next=where)
        assert answer.headers["location"] == "/"

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "http://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        ],
        ids=str,
    )
    async def test_other_pages_cannot_use_it(self, locked: Locked, headers: dict[str, str]):
        async with locked.client() as browser:
            await self.log_in(browser, locked.keys["administer"])
            body = {"name": "thief", "roles": ["administer"]}
            assert (await browser.post("/v1/keys", json=body, headers=headers)).status_code == 403
            assert (await browser.post("/logout", headers=headers)).status_code == 403
            forged = {"key": locked.keys["read"]}
            assert (await browser.post("/login", data=forged, headers=headers)).status_code == 403
            assert (await browser.get("/v1/keys")).status_code == 200, "still in"
        assert not [each for each in locked.keyring.holders() if each.key.name == "thief"]

    async def test_without_keys_there_is_nothing_to_fill_in(self, unlocked: Lock):
        async with client_of(unlocked) as browser:
            assert (await browser.get("/login")).headers["location"] == "/"
            assert (await browser.post("/login", data={"key": "x"})).headers["location"] == "/"

    async def test_who_may_only_look_answers_no_question(self, locked: Locked):
        ask = {"name": "ask", "taskReferenceName": "ask", "type": "HUMAN"}
        async with locked.client(locked.keys["administer"]) as boss:
            await boss.post("/v1/workflows", json={"name": "asking", "version": 1, "tasks": [ask]})
            id = (await boss.post("/v1/workflows/asking/executions", json={})).json()["id"]
        page, form = f"/executions/{id}", {"status": "COMPLETED", "output": "{}"}
        async with locked.client(locked.keys["read"]) as reader:
            seen = (await reader.get(page)).text
            assert "<form" not in seen
            assert f"pavane signal {id} ask" in seen
            assert (await reader.post(f"{page}/answer/ask", data=form)).status_code == 403
        async with locked.client(locked.keys["operate"]) as person:
            assert 'id="ask-ask"' in (await person.get(page)).text
            assert (await person.post(f"{page}/answer/ask", data=form)).status_code == 303
            assert "<form" not in (await person.get(page)).text
