"""What each route needs, in one table; with a route that is not in it no application is built.

`open` routes are reached without a key. The lock itself lets a request without a key get no further
than OPEN_PATHS, so a slip here cannot open anything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Final, Literal, cast

from starlette.routing import BaseRoute, Mount, Route

from pavane.core.model.access import Role
from pavane.doors.explaining import sections
from pavane.doors.rest.visitor import OPEN, Needs

Need = Role | Literal["open"]

NEEDS: Final[dict[str, Need]] = {
    "GET /health": OPEN,
    "GET /problems/{code}": OPEN,
    "GET /login": OPEN,
    "POST /login": OPEN,
    "POST /logout": OPEN,
    # --- the pages ---
    "GET /": "read",
    "GET /executions/{execution_id}": "read",
    "POST /executions/{execution_id}/answer/{ref:path}": "operate",
    "GET /events": "read",
    "GET /assets/{name}": "read",
    "GET /metrics": "read",
    # --- ours ---
    "POST /v1/workflows": "define",
    "GET /v1/workflows": "read",
    "GET /v1/workflows/{name}": "read",
    "GET /v1/workflows/{name}/standing": "read",
    "POST /v1/workflows/{name}/executions": "operate",
    "POST /v1/tasks": "define",
    "GET /v1/tasks": "read",
    "GET /v1/executions": "read",
    "DELETE /v1/executions/{execution_id}": "define",
    "GET /v1/executions/{execution_id}": "read",
    "GET /v1/executions/events": "read",
    "GET /v1/executions/{execution_id}/events": "read",
    "GET /v1/executions/{execution_id}/messages": "read",
    "GET /v1/executions/{execution_id}/definition": "read",
    "GET /v1/executions/{execution_id}/history": "read",
    "GET /v1/executions/{execution_id}/result": "read",
    "POST /v1/executions/{execution_id}/pause": "operate",
    "POST /v1/executions/{execution_id}/resume": "operate",
    "POST /v1/executions/{execution_id}/retry": "operate",
    "POST /v1/executions/{execution_id}/terminate": "operate",
    "POST /v1/executions/{execution_id}/move": "operate",
    "POST /v1/executions/{execution_id}/signal/{ref:path}": "operate",
    "POST /v1/executions/{execution_id}/resolve/{ref:path}": "operate",
    "GET /v1/people": "read",
    "GET /v1/schedules": "read",
    "POST /v1/schedules/{name:path}/pause": "operate",
    "POST /v1/schedules/{name:path}/resume": "operate",
    "POST /v1/exchange": "work",
    "GET /v1/openapi.json": "read",
    "POST /v1/events": "operate",
    "GET /v1/event-types": "read",
    "GET /v1/lag": "read",
    "GET /v1/dead-letters": "read",
    "GET /v1/dead-letters/{id:path}": "read",
    "POST /v1/dead-letters/{id:path}/redrive": "operate",
    "POST /v1/dead-letters/{id:path}/discard": "operate",
    "GET /v1/keys": "administer",
    "POST /v1/keys": "administer",
    "DELETE /v1/keys/{key}": "administer",
    # --- Conductor's: workers ---
    "GET /api/tasks/poll/batch/{name}": "work",
    "GET /api/tasks/poll/{name}": "work",
    "POST /api/tasks/update-v2": "work",
    "POST /api/tasks": "work",
    "POST /api/tasks/{task_id}/log": "work",
    # --- Conductor's: definitions ---
    "POST /api/metadata/workflow": "define",
    "PUT /api/metadata/workflow": "define",
    "GET /api/metadata/workflow": "read",
    "GET /api/metadata/workflow/names-and-versions": "read",
    "GET /api/metadata/workflow/latest-versions": "read",
    "GET /api/metadata/workflow/{name}": "read",
    "DELETE /api/metadata/workflow/{name}/{version}": "define",
    "POST /api/metadata/taskdefs": "define",
    "PUT /api/metadata/taskdefs": "define",
    "GET /api/metadata/taskdefs": "read",
    "GET /api/metadata/taskdefs/{name}": "read",
    "DELETE /api/metadata/taskdefs/{name}": "define",
    # --- Conductor's: schedules ---
    "POST /api/scheduler/schedules": "operate",
    "GET /api/scheduler/schedules": "read",
    "GET /api/scheduler/schedules/search": "read",
    "GET /api/scheduler/schedules/{name}": "read",
    "DELETE /api/scheduler/schedules/{name}": "operate",
    "PUT /api/scheduler/schedules/{name}/pause": "operate",
    "GET /api/scheduler/schedules/{name}/pause": "operate",
    "PUT /api/scheduler/schedules/{name}/resume": "operate",
    "GET /api/scheduler/schedules/{name}/resume": "operate",
    "GET /api/scheduler/nextFewSchedules": "read",
    # --- Conductor's: executions ---
    "POST /api/workflow": "operate",
    "POST /api/workflow/{name}": "operate",
    "POST /api/workflow/execute/{name}": "operate",
    "POST /api/workflow/execute/{name}/{version}": "operate",
    "POST /api/workflow/test": "operate",
    "GET /api/workflow/search": "read",
    "GET /api/workflow/search-v2": "read",
    "GET /api/workflow/search-by-tasks": "read",
    "GET /api/workflow/search-by-tasks-v2": "read",
    "GET /api/workflow/running/{name}": "read",
    "POST /api/workflow/{name}/correlated": "read",
    "GET /api/workflow/{name}/correlated/{correlation_id}": "read",
    "PUT /api/workflow/decide/{workflow_id}": "operate",
    "POST /api/workflow/bulk/{action}": "operate",
    "PUT /api/workflow/bulk/{action}": "operate",
    "GET /api/workflow/{workflow_id}": "read",
    "DELETE /api/workflow/{workflow_id}": "operate",
    "DELETE /api/workflow/{workflow_id}/remove": "define",
    "GET /api/workflow/{workflow_id}/tasks": "read",
    "GET /api/workflow/{workflow_id}/status": "read",
    "PUT /api/workflow/{workflow_id}/pause": "operate",
    "PUT /api/workflow/{workflow_id}/resume": "operate",
    "POST /api/workflow/{workflow_id}/retry": "operate",
    "POST /api/workflow/{workflow_id}/rerun": "operate",
    "POST /api/workflow/{workflow_id}/restart": "operate",
    "POST /api/workflow/{workflow_id}/resetcallbacks": "operate",
    "PUT /api/workflow/{workflow_id}/skiptask/{ref}": "operate",
    # --- Conductor's: tasks, as people see and settle them ---
    "GET /api/tasks/{task_id}": "read",
    "GET /api/tasks/{task_id}/log": "read",
    "GET /api/tasks/search": "read",
    "GET /api/tasks/search-v2": "read",
    "GET /api/tasks/queue/sizes": "read",
    "GET /api/tasks/queue/size": "read",
    "GET /api/tasks/queue/all": "read",
    "GET /api/tasks/queue/polldata": "read",
    "GET /api/tasks/queue/polldata/all": "read",
    "POST /api/tasks/queue/requeue/{name}": "operate",
    "POST /api/tasks/{workflow_id}/{ref}/{status}": "operate",
    "POST /api/tasks/{workflow_id}/{ref}/{status}/sync": "operate",
    "POST /api/tasks/{workflow_id}/{status}/signal": "operate",
    "POST /api/tasks/{workflow_id}/{status}/signal/sync": "operate",
    # --- Conductor's: the server ---
    "POST /api/token": OPEN,
    "GET /api/health": OPEN,
    "GET /api/version": "read",
    "GET /api/openapi.json": "read",
}
"""What it needs, by method and path; HEAD needs what GET does, `*` stands for every method."""

OPEN_PATHS: Final = frozenset(
    {"/health", "/login", "/logout", "/api/token", "/api/health", "/problems/{code}"}
)
_OPEN: Final = frozenset(path.format(code=code) for path in OPEN_PATHS for code in sections())


def is_open(address: str) -> bool:
    """Whether a path as it was asked for is one of OPEN_PATHS; of problems, one that there is."""
    return address in _OPEN


class UndeclaredError(Exception):
    """A route is in no line of NEEDS: a fault in Pavane, found before anything is served."""


def guarded(routes: Iterable[BaseRoute], prefix: str = "") -> list[BaseRoute]:
    """The same routes, each behind what it needs. UndeclaredError for one without a line above."""
    return [_guarded(each, prefix) for each in routes]


def _guarded(route: BaseRoute, prefix: str) -> BaseRoute:
    if isinstance(route, Mount) and route.routes:
        return Mount(route.path, routes=guarded(route.routes, prefix + route.path))
    if isinstance(
        route, Mount
    ):  # somebody else's application, files for instance: one need for all
        needs = {_need("*", f"{prefix}{route.path}/")}
    elif isinstance(route, Route):
        methods = sorted((route.methods or {"*"}) - {"HEAD"})
        needs = {_need(method, prefix + route.path) for method in methods}
    else:
        raise UndeclaredError(f"{route!r} is of a kind that the lock does not know.")
    if len(needs) > 1:
        raise UndeclaredError(f"{prefix}{route.path} needs this or that: make a route of each.")
    (need,) = needs
    twin = copy(route)
    if need != OPEN:
        twin.app = Needs(cast("Role", need), route.app)
    return twin


def role_of(method: str, path: str) -> Role:
    """What an endpoint in front of the framework needs, which is never open."""
    need = _need(method, path)
    if need == OPEN:
        raise UndeclaredError(f"'{method} {path}' is open: leave it to the framework.")
    return need


def _need(method: str, path: str) -> Need:
    need = NEEDS.get(f"{method} {path}")
    if need is None:
        raise UndeclaredError(f"'{method} {path}' has no line in {__name__}: say what it needs.")
    if need == OPEN and path not in OPEN_PATHS:
        raise UndeclaredError(f"'{method} {path}' is open, and its path is not in OPEN_PATHS.")
    return need
