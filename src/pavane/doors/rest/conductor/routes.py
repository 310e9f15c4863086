"""The table of Conductor's API; the busy ones come first, and literal paths before open ones."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute, Mount, Route, Router

from pavane.doors.rest.conductor import (
    absent,
    metadata,
    openapi,
    scheduler,
    search,
    system,
    task_views,
    tasks,
    token,
    workflow,
)
from pavane.doors.rest.conductor.errors import HANDLERS

_WORKFLOW = "/workflow/{workflow_id}"
_SCHEDULE = "/scheduler/schedules/{name}"
_BY_REF = "/tasks/{workflow_id}/{ref}/{status}"

ROUTES = [
    Route("/tasks/poll/batch/{name}", tasks.poll_batch, methods=["GET"]),
    Route("/tasks/update-v2", tasks.update_v2, methods=["POST"]),
    Route("/tasks", tasks.update, methods=["POST"]),
    Route("/tasks/poll/{name}", tasks.poll, methods=["GET"]),
    Route("/workflow", workflow.start, methods=["POST"]),
    Route("/token", token.token, methods=["POST"]),
    Route("/health", system.health, methods=["GET"]),
    Route("/version", system.get_version, methods=["GET"]),
    Route("/openapi.json", openapi.document, methods=["GET"]),
    Route("/metadata/workflow", metadata.create_workflow, methods=["POST"]),
    Route("/metadata/workflow", metadata.update_workflows, methods=["PUT"]),
    Route("/metadata/workflow", metadata.list_workflows, methods=["GET"]),
    Route("/metadata/workflow/names-and-versions", metadata.names_and_versions, methods=["GET"]),
    Route("/metadata/workflow/latest-versions", metadata.latest_workflows, methods=["GET"]),
    Route("/metadata/workflow/{name}", metadata.get_workflow, methods=["GET"]),
    Route("/metadata/taskdefs", metadata.create_tasks, methods=["POST"]),
    Route("/metadata/taskdefs", metadata.update_task, methods=["PUT"]),
    Route("/metadata/taskdefs", metadata.list_tasks, methods=["GET"]),
    Route("/metadata/taskdefs/{name}", metadata.get_task, methods=["GET"]),
    Route("/workflow/search", search.search, methods=["GET"]),
    Route("/workflow/running/{name}", search.running, methods=["GET"]),
    Route("/workflow/decide/{workflow_id}", workflow.decide, methods=["PUT"]),
    Route("/tasks/queue/sizes", task_views.queue_sizes, methods=["GET"]),
    Route("/tasks/queue/size", task_views.queue_size, methods=["GET"]),
    Route("/tasks/queue/all", task_views.all_queues, methods=["GET"]),
    Route("/scheduler/schedules", scheduler.put, methods=["POST"]),
    Route("/scheduler/schedules", scheduler.find, methods=["GET"]),
    Route("/scheduler/schedules/search", scheduler.search, methods=["GET"]),
    Route("/scheduler/nextFewSchedules", scheduler.next_few, methods=["GET"]),
    Route(_SCHEDULE, scheduler.get, methods=["GET"]),
    Route(_SCHEDULE, scheduler.remove, methods=["DELETE"]),
    Route(_SCHEDULE + "/pause", scheduler.pause, methods=["PUT", "GET"]),
    Route(_SCHEDULE + "/resume", scheduler.resume, methods=["PUT", "GET"]),
    *absent.ROUTES,
    Route("/workflow/{name}", workflow.start_by_name, methods=["POST"]),
    Route("/workflow/{name}/correlated", search.correlated_many, methods=["POST"]),
    Route("/workflow/{name}/correlated/{correlation_id}", search.correlated, methods=["GET"]),
    Route(_WORKFLOW, workflow.get, methods=["GET"]),
    Route(_WORKFLOW, workflow.terminate, methods=["DELETE"]),
    Route(_WORKFLOW + "/remove", workflow.remove, methods=["DELETE"]),
    Route(_WORKFLOW + "/tasks", workflow.get_tasks, methods=["GET"]),
    Route(_WORKFLOW + "/status", workflow.get_status, methods=["GET"]),
    Route(_WORKFLOW + "/pause", workflow.pause, methods=["PUT"]),
    Route(_WORKFLOW + "/resume", workflow.resume, methods=["PUT"]),
    Route(_WORKFLOW + "/retry", workflow.retry, methods=["POST"]),
    Route(_BY_REF + "/sync", task_views.update_by_ref_sync, methods=["POST"]),
    Route(_BY_REF, task_views.update_by_ref, methods=["POST"]),
    Route("/tasks/{task_id}", task_views.get, methods=["GET"]),
]


def mount(routes: Sequence[BaseRoute]) -> Mount:
    """The routes under /api."""
    router = Router(routes)
    # Errors inside are told in Conductor's shape; the application's own handlers see none of them.
    return Mount("/api", app=ExceptionMiddleware(router, handlers=HANDLERS))
