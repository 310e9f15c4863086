"""Every route of the real application has a role, and asks for it."""

import re
from collections.abc import Iterator

import pytest
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from pavane.core.model.access import INCLUDED, ROLES
from pavane.doors.dashboard.routes import ROUTES as DASHBOARD
from pavane.doors.rest import app as application
from pavane.doors.rest import front
from pavane.doors.rest.access.roles import NEEDS, OPEN_PATHS, UndeclaredError, guarded
from pavane.doors.rest.conductor import openapi as conductor_openapi
from pavane.doors.rest.conductor.absent import ABSENT
from pavane.doors.rest.conductor.routes import ROUTES as CONDUCTOR
from pavane.doors.rest.native import openapi
from pavane.doors.rest.visitor import OPEN, Needs
from tests.acceptance.access.conftest import Locked

pytestmark = pytest.mark.anyio


def walk(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, those in mounts too."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from walk(route.routes, prefix + route.path)
        elif isinstance(route, Mount):
            yield "*", f"{prefix}{route.path}/"
        else:
            assert isinstance(route, Route), f"{route} is of a kind that this test cannot walk"
            for method in (route.methods or {"*"}) - {"HEAD"}:
                yield method, prefix + route.path


ALL = {*walk(application.PAGES), *walk(list(DASHBOARD)), *walk(list(CONDUCTOR), "/api")}


def test_the_table_is_exactly_what_there_is():
    assert {f"{method} {path}" for method, path in ALL} == set(NEEDS)
    opened = {key.partition(" ")[2] for key in NEEDS if NEEDS[key] == OPEN}
    assert opened == OPEN_PATHS


def test_what_stands_in_front_of_the_framework_needs_the_same():
    busy = {**front.EXACT}
    busy["GET", "/api/tasks/poll/{name}"] = front.POLL_ONE
    busy["GET", "/api/tasks/poll/batch/{name}"] = front.POLL_BATCH
    assert len(busy) >= 5
    for (method, path), found in busy.items():
        assert found.role == NEEDS[f"{method} {path}"] != OPEN


async def nothing(_request: object) -> Response:
    return Response()


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/secrets", nothing),
        Route("/v1/executions", nothing, methods=["DELETE"]),
        Mount("/v1", routes=[Route("/other", nothing)]),
        Mount("/files", app=Response()),
        WebSocketRoute("/v1/executions", nothing),
    ],
    ids=["route", "method", "mounted routes", "mounted application", "socket"],
)
def test_a_route_without_a_role_cannot_be_built(route: BaseRoute):
    with pytest.raises(UndeclaredError):
        guarded([route])


def test_an_open_route_must_be_among_the_open_paths(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(NEEDS, "GET /v1/executions", OPEN)
    with pytest.raises(UndeclaredError, match="OPEN_PATHS"):
        guarded([Route("/v1/executions", nothing)])


def test_guarding_changes_no_shared_route():
    shared = Route("/v1/executions", nothing)
    (behind,) = guarded([shared])
    assert isinstance(behind, Route)
    assert isinstance(behind.app, Needs)
    assert not isinstance(shared.app, Needs)


def address(path: str) -> str:
    """A path with something in each of its places; of problems, one that there is."""
    return re.sub(r"{(\w+)(:path)?}", "x", path.replace("{code}", "store"))


async def test_every_operation_asks_for_its_key(locked: Locked):
    described = {
        (method.upper(), path)
        for document in (openapi.build(), conductor_openapi.build())
        for path, methods in document["paths"].items()
        for method in methods
    }
    routed = {(method, path.replace(":path", "")) for method, path in ALL if method != "*"}
    assert len(described) > 50
    assert described <= routed
    locked.app.stop()  # so that streams end
    weaker = 0
    for method, path in sorted(ALL):
        need = NEEDS[f"{method} {path}"]
        here = address(path)
        async with locked.client() as nobody:
            without = await nobody.request(method, here)
        if need == OPEN:
            assert without.status_code != 403, here
            assert without.headers.get("www-authenticate") is None or path == "/api/token"
            continue
        assert without.status_code == 401, (method, here)
        assert without.headers["www-authenticate"].startswith("Bearer")
        for role in ROLES:
            async with locked.client(locked.keys[role]) as somebody:
                answer = await somebody.request(method, here)
            if need in INCLUDED[role]:
                assert answer.status_code not in (401, 403), (method, here, role, answer.text)
            else:
                weaker += 1
                assert answer.status_code == 403, (method, here, role, answer.text)
                body = answer.json()
                said = body["message" if here.startswith("/api") else "detail"]
                assert f"'the-{role}' does not have the role '{need}'" in said
    assert weaker > 100, "too-weak keys were tried"
    assert len(ABSENT) > 10, "what is absent is behind the lock as well"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "//v1/executions"),
        ("GET", "/v1//executions"),
        ("GET", "/v1/executions/"),
        ("GET", "/v1/../v1/executions"),
        ("GET", "/health/../v1/executions"),
        ("GET", "/health/"),
        ("GET", "/healthy"),
        ("GET", "/%761/executions"),
        ("GET", "/V1/executions"),
        ("HEAD", "/v1/executions"),
        ("HEAD", "/api/tasks/poll/book"),
        ("OPTIONS", "/v1/executions"),
        ("TRACE", "/v1/executions"),
        ("GET", "/api/tasks/poll/"),
        ("GET", "/api/tasks/poll/batch/"),
        ("GET", "/api/tasks/poll/a/b"),
        ("POST", "/api/tasks/"),
        ("GET", "/nowhere"),
        ("GET", "/api"),
        ("GET", "/api/token/"),
    ],
)
async def test_nothing_is_reached_by_a_crooked_path(locked: Locked, method: str, path: str):
    async with locked.client() as nobody:
        answer = await nobody.request(method, path)
    assert answer.status_code == 401
    async with locked.client(locked.keys["work"]) as worker:
        answer = await worker.request(method, path)
    told = answer.status_code in (307, 403, 404, 405)
    assert told or path.startswith("/api/tasks/poll"), answer.status_code


async def test_what_a_problem_means_is_open_to_all_and_nothing_beside_it(locked: Locked):
    async with locked.client() as nobody:
        told = (await nobody.get("/v1/executions")).json()
        page = await nobody.get(told["type"])
        beside = ["/problems", "/problems/", "/problems/x", "/problems/store/../../v1/executions"]
        others = [(await nobody.get(path)).status_code for path in beside]
        changed = await nobody.post(told["type"])
    assert page.status_code == 200
    assert page.text.startswith("unauthenticated\n\nThe server wants a key")
    assert others == [401] * len(beside)
    assert changed.status_code == 405
