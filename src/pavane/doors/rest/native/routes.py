"""The table of our own API."""

from __future__ import annotations

from starlette.routing import Route

from pavane.doors.rest.native import (
    actions,
    dead_letters,
    definitions,
    event_types,
    events,
    exchange,
    executions,
    keys,
    lag,
    openapi,
    people,
    publishing,
    results,
    schedules,
)

_LETTER = "/dead-letters/{id:path}"  # of an execution's step the ref may have any character
_EXECUTION = "/executions/{execution_id}"

ROUTES = [
    Route("/workflows", definitions.put_workflows, methods=["POST"]),
    Route("/workflows", definitions.list_workflows, methods=["GET"]),
    Route("/workflows/{name}", definitions.get_workflow, methods=["GET"]),
    Route("/workflows/{name}/standing", definitions.get_standing, methods=["GET"]),
    Route("/workflows/{name}/executions", executions.start, methods=["POST"]),
    Route("/tasks", definitions.put_tasks, methods=["POST"]),
    Route("/tasks", definitions.list_tasks, methods=["GET"]),
    Route("/executions", executions.find, methods=["GET"]),
    Route("/executions/events", events.of_all, methods=["GET"]),
    Route(_EXECUTION, executions.get, methods=["GET"]),
    Route(_EXECUTION, actions.remove, methods=["DELETE"]),
    Route(_EXECUTION + "/events", events.of_one, methods=["GET"]),
    Route(_EXECUTION + "/messages", events.messages, methods=["GET"]),
    Route(_EXECUTION + "/definition", events.definition, methods=["GET"]),
    Route(_EXECUTION + "/history", executions.history, methods=["GET"]),
    Route(_EXECUTION + "/result", results.result, methods=["GET"]),
    Route(_EXECUTION + "/pause", actions.pause, methods=["POST"]),
    Route(_EXECUTION + "/resume", actions.resume, methods=["POST"]),
    Route(_EXECUTION + "/retry", actions.retry, methods=["POST"]),
    Route(_EXECUTION + "/terminate", actions.terminate, methods=["POST"]),
    Route(_EXECUTION + "/move", actions.move, methods=["POST"]),
    Route(_EXECUTION + "/signal/{ref:path}", actions.signal, methods=["POST"]),
    Route(_EXECUTION + "/resolve/{ref:path}", actions.resolve, methods=["POST"]),
    Route("/people", people.find, methods=["GET"]),
    Route("/schedules", schedules.find, methods=["GET"]),
    Route("/schedules/{name:path}/pause", schedules.pause, methods=["POST"]),
    Route("/schedules/{name:path}/resume", schedules.resume, methods=["POST"]),
    Route("/exchange", exchange.post, methods=["POST"]),
    Route("/keys", keys.list_keys, methods=["GET"]),
    Route("/keys", keys.add_key, methods=["POST"]),
    Route("/keys/{key}", keys.revoke_key, methods=["DELETE"]),
    Route("/events", publishing.publish, methods=["POST"]),
    Route("/event-types", event_types.find, methods=["GET"]),
    Route("/lag", lag.find, methods=["GET"]),
    Route("/dead-letters", dead_letters.find, methods=["GET"]),
    Route(_LETTER + "/redrive", dead_letters.redrive, methods=["POST"]),
    Route(_LETTER + "/discard", dead_letters.discard, methods=["POST"]),
    Route(_LETTER, dead_letters.get, methods=["GET"]),
    Route("/openapi.json", openapi.document, methods=["GET"]),
]
