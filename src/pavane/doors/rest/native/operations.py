"""What the OpenAPI document says about each operation."""

from __future__ import annotations

from typing import Any, NamedTuple

from pavane.core.model.schedule import Schedule
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.doors.executions.lag import Lag
from pavane.doors.rest.native.actions import (
    MoveRequest,
    ResolveRequest,
    SignalRequest,
    TerminateRequest,
)
from pavane.doors.rest.native.dead_letters import DiscardRequest, RedriveRequest
from pavane.doors.rest.native.executions import StartRequest
from pavane.doors.rest.native.keys import KeyRequest
from pavane.doors.rest.native.publishing import Structured, Told
from pavane.doors.rest.native.schedules import PauseRequest, ScheduleList
from pavane.doors.rest.native.shapes import (
    Found,
    Health,
    History,
    Names,
    Result,
    Stand,
    Started,
    Tasks,
    Workflows,
)
from pavane.engine.exchange import Given, Wanted
from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.keys import KeyList, KeyView, NewKey
from pavane.engine.views.people import Questions
from pavane.engine.views.shapes import ExecutionView, MoveView, StandingView
from pavane.observer.event_types import EventTypes
from pavane.sdk.given import GivenEvent

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_YES = {"type": "boolean"}
_STREAM = "text/event-stream"
_LETTER = "/v1/dead-letters/{id}"
_ONE = "/v1/executions/{execution_id}"


class Operation(NamedTuple):
    """One method on one path."""

    method: str
    path: str
    summary: str
    status: int = 200
    body: Any = None
    answer: Any = dict[str, Any]
    query: tuple[tuple[str, dict[str, str]], ...] = ()
    media: str = "application/json"
    early: Any = None  # the answer 202, where there is one
    structured: Any = None  # the body as a CloudEvent in JSON, where it may be one


_SEARCH = tuple(
    (name, _TEXT) for name in ("workflow", "status", "key", "parent", "style", "before")
)

_LETTERS = tuple((name, _TEXT) for name in ("kind", "service", "execution", "type", "before"))

OPERATIONS = (
    Operation("get", "/health", "Whether the server takes requests", answer=Health),
    Operation("get", "/v1/workflows", "All workflows", answer=Workflows),
    Operation(
        "post",
        "/v1/workflows",
        "Register workflows",
        201,
        body=Workflow | list[Workflow],
        answer=Workflows,
        query=(("overwrite", _YES),),
    ),
    Operation(
        "get",
        "/v1/workflows/{name}",
        "The definition of a workflow",
        answer=Workflow,
        query=(("version", _NUMBER),),
    ),
    Operation(
        "get",
        "/v1/workflows/{name}/standing",
        "Where executions of a version stand",
        answer=StandingView,
        query=(("version", _NUMBER), ("to", _NUMBER)),
    ),
    Operation(
        "post",
        "/v1/workflows/{name}/executions",
        "Start an execution",
        201,
        body=StartRequest,
        answer=Started,
    ),
    Operation("get", "/v1/tasks", "All task definitions", answer=Tasks),
    Operation(
        "post",
        "/v1/tasks",
        "Register task definitions",
        201,
        body=TaskDefinition | list[TaskDefinition],
        answer=Names,
    ),
    Operation(
        "post",
        "/v1/exchange",
        "A worker's results up, its next work down",
        body=Wanted,
        answer=Given,
    ),
    Operation(
        "get",
        "/v1/executions",
        "Find executions",
        answer=Found,
        query=(*_SEARCH, ("limit", _NUMBER)),
    ),
    Operation("get", _ONE, "An execution with its steps", answer=ExecutionView),
    Operation("delete", _ONE, "Forget an execution that has ended", answer=Started),
    Operation("get", _ONE + "/history", "What happened, oldest first", answer=History),
    Operation(
        "get",
        _ONE + "/result",
        "The result, waited for",
        answer=Result,
        query=(("wait", _NUMBER),),
        early=Stand,
    ),
    Operation("post", _ONE + "/pause", "Schedule nothing new", answer=Stand),
    Operation("post", _ONE + "/resume", "Go on after a pause", answer=Stand),
    Operation("post", _ONE + "/retry", "Try again what failed", answer=Stand),
    Operation("post", _ONE + "/terminate", "Stop and undo", body=TerminateRequest, answer=Stand),
    Operation(
        "post",
        _ONE + "/move",
        "Go on by another version",
        body=MoveRequest,
        answer=MoveView,
    ),
    Operation(
        "post",
        _ONE + "/signal/{ref}",
        "Settle a waiting step",
        body=SignalRequest,
        answer=Stand,
    ),
    Operation(
        "post",
        _ONE + "/resolve/{ref}",
        "Settle what gave up",
        body=ResolveRequest,
        answer=Stand,
    ),
    Operation("get", _ONE + "/messages", "The messages between its services"),
    Operation("get", _ONE + "/definition", "The definition that it follows", answer=Workflow),
    Operation("get", _ONE + "/events", "Its line whenever it changes", media=_STREAM),
    Operation("get", "/v1/executions/events", "Which executions change", media=_STREAM),
    Operation(
        "get",
        "/v1/people",
        "What waits for people",
        answer=Questions,
        query=(("to", _TEXT), ("limit", _NUMBER)),
    ),
    Operation("get", "/v1/schedules", "What starts by itself, and when", answer=ScheduleList),
    Operation(
        "post",
        "/v1/schedules/{name}/pause",
        "Start nothing until it is resumed",
        body=PauseRequest,
        answer=Schedule,
    ),
    Operation("post", "/v1/schedules/{name}/resume", "Go on with its next time", answer=Schedule),
    Operation("get", "/v1/keys", "All keys, without their secrets", answer=KeyList),
    Operation("post", "/v1/keys", "Make a key", 201, body=KeyRequest, answer=NewKey),
    Operation("delete", "/v1/keys/{key}", "Revoke a key", answer=KeyView),
    Operation(
        "post",
        "/v1/events",
        "Publish an event on the server's bus",
        201,
        body=GivenEvent,
        structured=Structured,
        answer=Told,
    ),
    Operation(
        "get",
        "/v1/event-types",
        "Who publishes which events, and who listens",
        answer=EventTypes,
        query=(("unheard", _YES),),
    ),
    Operation("get", "/v1/lag", "How far groups are behind on the bus", answer=Lag),
    Operation("get", "/v1/dead-letters", "What stopped", query=(*_LETTERS, ("limit", _NUMBER))),
    Operation("get", _LETTER, "Something that stopped", answer=DeadLetter),
    Operation(
        "post",
        _LETTER + "/redrive",
        "Have it tried again",
        body=RedriveRequest,
        answer=DeadLetter,
        early=DeadLetter,
    ),
    Operation(
        "post",
        _LETTER + "/discard",
        "Give it up",
        body=DiscardRequest,
        answer=DeadLetter,
        early=DeadLetter,
    ),
)
