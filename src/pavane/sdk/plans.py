"""What a client asks of a server and makes of the answers, without doing any of the asking.

Each operation is a generator: it yields an `Ask`, is sent the `Answer`, and returns the result.
The async client, the sync one and the one inside an engine's process drive the same generators.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from pavane.core.model import status as st
from pavane.core.model.command import IfExists
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, MoveView
from pavane.errors import (
    ConnectionFailedError,
    ExecutionFailedError,
    InputError,
    ResultTimeoutError,
    UntrustedError,
    UsageError,
)
from pavane.sdk.contract import Contract, encode
from pavane.sdk.given import GivenEvent
from pavane.sdk.problems import raise_for

T = TypeVar("T")

Verb = Literal[
    "register_workflows",
    "register_tasks",
    "start",
    "find",
    "state",
    "result",
    "signal",
    "pause",
    "resume",
    "retry",
    "terminate",
    "resolve",
    "publish",
    "move",
]

PRIORITY_MAX = 99
_LONG_S = 30.0  # how long one request for a result lets the server wait
_PAUSE_S = 0.25  # between requests that the server does not let wait
_LOST_MAX = 20  # how often in a row a server may be out of reach while a result is waited for


class Ask(msgspec.Struct, frozen=True):
    """One request: what to do, to what, with what."""

    verb: Verb
    place: dict[str, str] = {}  # parts of the address: "workflow", "id", "ref"
    query: dict[str, str] = {}
    body: bytes = b""
    wait_s: float = 0  # the server may take so much longer
    delay_s: float = 0  # pause before asking


class Answer(msgspec.Struct, frozen=True):
    """What came back: an HTTP status and JSON."""

    status: int
    body: bytes
    took_s: float = 0


Plan = Generator[Ask, Answer, T]


class _Started(msgspec.Struct):
    id: str


class _Standing(msgspec.Struct):
    status: str
    reason: str = ""
    output: msgspec.Raw = msgspec.Raw(b"null")


class _Page(msgspec.Struct):
    executions: list[ExecutionSummary]


class Start(msgspec.Struct, frozen=True):
    """A workflow that is to be started, its input as JSON, and the door that types its result."""

    workflow: str
    input: bytes
    door: Contract | None = None
    version: int | None = None


def start(
    wanted: Start,
    *,
    key: str = "",
    if_exists: IfExists = "return",
    correlation_id: str = "",
    priority: int = 0,
) -> Plan[str]:
    """Start an execution; its id."""
    if not 0 <= priority <= PRIORITY_MAX:
        raise InputError(
            f"priority={priority} is not from 0 to {PRIORITY_MAX}.", "The highest goes first."
        )
    if if_exists != "return" and not key:
        raise UsageError(
            f"if_exists={if_exists!r} says nothing without a key.", "Give the start a `key`."
        )
    body = {
        "input": msgspec.Raw(wanted.input),
        "version": wanted.version,
        "key": key,
        "correlationId": correlation_id,
        "priority": priority or None,
        "ifExists": "" if if_exists == "return" else if_exists,
    }
    given = {name: value for name, value in body.items() if value not in (None, "")}
    answer = yield Ask("start", {"workflow": wanted.workflow}, body=msgspec.json.encode(given))
    return _read(answer, _Started).id


def register(
    workflows: Sequence[Workflow], tasks: Sequence[TaskDefinition], *, overwrite: bool
) -> Plan[None]:
    """Register definitions: the tasks first, which the workflows may name."""
    query = {"overwrite": "true"} if overwrite else {}
    if tasks:
        raise_for((yield Ask("register_tasks", query=query, body=msgspec.json.encode(tasks))))
    if workflows:
        raise_for(
            (yield Ask("register_workflows", query=query, body=msgspec.json.encode(workflows)))
        )


def state(execution_id: str) -> Plan[ExecutionView]:
    """An execution with its steps."""
    return _read((yield Ask("state", {"id": execution_id})), ExecutionView)


def find(filters: Mapping[str, str | int]) -> Plan[list[ExecutionSummary]]:
    """Executions that fit, newest first."""
    query = {name: str(value) for name, value in filters.items() if value}
    return _read((yield Ask("find", query=query)), _Page).executions


def act(
    verb: Verb, execution_id: str, body: Mapping[str, Any] | None = None, ref: str = ""
) -> Plan[str]:
    """Do something to an execution; its status afterwards."""
    place = {"id": execution_id, "ref": ref} if ref else {"id": execution_id}
    answer = yield Ask(verb, place, body=encode(body or {}))
    return _read(answer, _Standing).status


def move(execution_id: str, to: int | None, *, dry_run: bool) -> Plan[MoveView]:
    """Let it go on by another version; whether it does."""
    body = {"to": to, "dryRun": dry_run}
    answer = yield Ask("move", {"id": execution_id}, body=msgspec.json.encode(body))
    return _read(answer, MoveView)


def publish(given: GivenEvent) -> Plan[str]:
    """Publish an event; its id."""
    return _read((yield Ask("publish", body=msgspec.json.encode(given))), _Started).id


def signalled(output: object, status: str, reason: str) -> dict[str, Any]:
    """What a signal says to a step that waits."""
    body: dict[str, Any] = {"output": output or {}, "status": status}
    return {**body, "reason": reason} if reason else body


def result(execution_id: str, door: Contract | None, timeout_s: float | None) -> Plan[Any]:
    """The result once the execution has ended, as `door` types it; without one, its output.

    A server that is out of reach for a moment (it may be restarting) is asked again.
    """
    left_s = timeout_s
    lost = 0
    delay_s = 0.0
    while True:
        wait_s = int(_LONG_S if left_s is None else min(left_s, _LONG_S))
        query = {"wait": str(wait_s)} if wait_s else {}
        try:
            answer = yield Ask(
                "result", {"id": execution_id}, query, wait_s=wait_s, delay_s=delay_s
            )
        except ConnectionFailedError as error:
            lost += 1
            if lost > _LOST_MAX or isinstance(error, UntrustedError):
                raise
            took_s, standing = 0.0, None
        else:
            lost, took_s = 0, answer.took_s
            standing = _read(answer, _Standing)
            if standing.status in st.ENDED or standing.status == st.NEEDS_ATTENTION:
                return _outcome(execution_id, standing, door)
        if left_s is not None:
            left_s -= took_s + delay_s
            if left_s <= 0:
                now = f" (it is {standing.status})" if standing else ""
                raise ResultTimeoutError(
                    f"Execution {execution_id} has not ended within {timeout_s:g} s{now}.",
                    "It goes on; ask again later.",
                )
        delay_s = 0.0 if standing and took_s > _PAUSE_S else _PAUSE_S
        if left_s is not None:
            delay_s = min(delay_s, left_s)


def _outcome(execution_id: str, standing: _Standing, door: Contract | None) -> Any:
    if standing.status == st.COMPLETED:
        output = bytes(standing.output)
        if door is None:
            return msgspec.json.decode(output)
        return door.value(output)
    waits = standing.status == st.NEEDS_ATTENTION
    happened = "needs a person" if waits else f"ended {standing.status}"
    reason = f": {standing.reason.removesuffix('.')}" if standing.reason else ""
    raise ExecutionFailedError(
        f"Execution {execution_id} {happened}{reason}.",
        f"See `pavane show {execution_id}`{' and `pavane resolve`' if waits else ''}.",
        status=standing.status,
        reason=standing.reason,
    )


def _read(answer: Answer, kind: type[T]) -> T:
    raise_for(answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:
        raise ConnectionFailedError(
            f"The server's answer is not understood ({error}).",
            "Is the URL that of a Pavane server, of about the same version?",
        ) from error


def json_input(value: object) -> bytes:
    """The input of a workflow that is started by name: a mapping or an object with fields."""
    try:
        body = encode({} if value is None else value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"The input cannot be written as JSON: {error}.", "Give a dict of plain values."
        ) from error
    if not body.startswith(b"{"):
        raise InputError(
            f"The input is a {type(value).__name__}, not an object.",
            "Give a dict with a member for each parameter of the workflow.",
        )
    return body
