"""What Conductor has and Pavane has not yet: refused in a sentence, with 501."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pavane.doors.rest.conductor.errors import AbsentError

ABSENT: tuple[tuple[str, str, str], ...] = (
    ("DELETE", "/metadata/workflow/{name}/{version}", "removing a workflow definition"),
    ("DELETE", "/metadata/taskdefs/{name}", "removing a task definition"),
    ("POST", "/workflow/execute/{name}", "starting and waiting in one request"),
    ("POST", "/workflow/execute/{name}/{version}", "starting and waiting in one request"),
    ("POST", "/workflow/test", "the test of a workflow with scripted results"),
    ("POST", "/workflow/{workflow_id}/rerun", "running again from a task"),
    ("POST", "/workflow/{workflow_id}/restart", "restarting an execution"),
    ("POST", "/workflow/{workflow_id}/resetcallbacks", "resetting callbacks"),
    ("PUT", "/workflow/{workflow_id}/skiptask/{ref}", "skipping a step"),
    ("GET", "/workflow/search-v2", "this form of the search"),
    ("GET", "/workflow/search-by-tasks", "searching by tasks"),
    ("GET", "/workflow/search-by-tasks-v2", "searching by tasks"),
    ("POST", "/workflow/bulk/{action}", "bulk operations"),
    ("PUT", "/workflow/bulk/{action}", "bulk operations"),
    ("POST", "/tasks/{workflow_id}/{status}/signal", "signals that look for their task"),
    ("POST", "/tasks/{workflow_id}/{status}/signal/sync", "signals that look for their task"),
    ("POST", "/tasks/{task_id}/log", "logs of tasks"),
    ("GET", "/tasks/{task_id}/log", "logs of tasks"),
    ("GET", "/tasks/search", "searching tasks"),
    ("GET", "/tasks/search-v2", "searching tasks"),
    ("GET", "/tasks/queue/polldata", "a record of who polls"),
    ("GET", "/tasks/queue/polldata/all", "a record of who polls"),
    ("POST", "/tasks/queue/requeue/{name}", "requeueing (nothing is ever lost from a queue)"),
)
"""Method, path, and what it would be."""


def absent(method: str, path: str, what: str) -> Route:
    """A route that says so."""

    async def refuse(_request: Request) -> Response:
        raise AbsentError(f"Pavane does not have {what} yet.", "See docs/reference/conductor.md.")

    return Route(path, refuse, methods=[method])


ROUTES = [absent(*each) for each in ABSENT]
