"""Conductor's HTTP step: the request is the input, the answer is the output, a task named HTTP."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from pavane.core.decide.step_types.http import REQUEST
from pavane.core.model.call import METHODS, SAFE_METHODS
from pavane.errors import CallError, Fail
from pavane.ports.caller import CallAnswer, Caller, CallRequest
from pavane.sdk.calls.answers import failure, perhaps_done, value_of
from pavane.sdk.calls.ending import FINAL, Ended, without_answer
from pavane.sdk.calls.requests import told_by_us
from pavane.sdk.context import TaskContext

TASK: Final = "HTTP"
_TIMEOUT_MS = 3000  # Conductor's, to connect and of silence
_FOR_GOOD_S = 10 * 365 * 86_400.0  # asyncComplete: until somebody says what became of it
_JSON = "application/json"


async def carry_out(caller: Caller, input: bytes, context: TaskContext, timeout_s: float) -> bytes:
    """Make the request of an HTTP step; the output, or Ended or Fail."""
    given: dict[str, Any] = msgspec.json.decode(input, type=dict[str, Any])
    found = given.get(REQUEST, given)
    if not isinstance(found, dict):
        raise Fail(f"`{REQUEST}` is no object.")
    fields = cast("dict[str, Any]", found)
    request = _request(fields, context, timeout_s)
    try:
        answer = await caller.call(request)
    except CallError as error:
        raise without_answer(error, safe=request.method in SAFE_METHODS) from error
    if not 200 <= answer.status < 300:
        unsafe = request.method not in SAFE_METHODS
        raise Ended(
            "FAILED",
            failure(request, answer),
            output=_output(answer),
            perhaps_done=unsafe and perhaps_done(answer.status),
        )
    output = _output(answer)
    if given.get("asyncComplete") or fields.get("asyncComplete"):
        raise Ended("IN_PROGRESS", output=output, after_s=_FOR_GOOD_S)
    return output


def _request(fields: dict[str, Any], context: TaskContext, timeout_s: float) -> CallRequest:
    uri, method = fields.get("uri"), str(fields.get("method") or "").upper()
    if not isinstance(uri, str) or not uri or not method:
        raise Ended("FAILED", "Missing HTTP URI or method: an HTTP step needs both.")
    if method not in METHODS | {"OPTIONS"}:
        raise Ended("FAILED", f"{method[:20]!r} is no method of an HTTP step.")
    headers = told_by_us(context)
    accept = fields.get("accept") or _JSON
    headers["accept"] = (
        ", ".join(map(str, cast("list[Any]", accept))) if isinstance(accept, list) else str(accept)
    )
    body = _body(fields.get("body"))
    if body is not None:
        headers["content-type"] = str(fields.get("contentType") or _JSON)
    own = fields.get("headers")
    for name, value in cast("dict[str, Any]", own if isinstance(own, dict) else {}).items():
        several = cast("list[Any]", value if isinstance(value, list) else [value])
        headers[name.lower()] = ", ".join(map(str, several))
    for name in ("content-length", "transfer-encoding", "connection"):
        headers.pop(name, None)
    if not all(
        f"{name}{value}".isascii() and value.isprintable() for name, value in headers.items()
    ):
        raise Ended(FINAL, "A header of the request holds characters that cannot be sent.")
    return CallRequest(
        method=method,
        url=uri,
        headers=tuple(headers.items()),
        body=body,
        timeout_s=timeout_s,
        connect_timeout_s=_seconds(fields, "connectionTimeOut"),
        read_timeout_s=_seconds(fields, "readTimeOut"),
    )


def _body(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _seconds(fields: dict[str, Any], name: str) -> float:
    try:
        milliseconds = float(fields.get(name) or _TIMEOUT_MS)
    except (TypeError, ValueError):
        milliseconds = _TIMEOUT_MS
    return milliseconds / 1000 if milliseconds > 0 else _TIMEOUT_MS / 1000


def _output(answer: CallAnswer) -> bytes:
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    try:
        body = value_of(answer)
    except ValueError:
        body = answer.body.decode("utf-8", "replace")
    response = {
        "statusCode": answer.status,
        "reasonPhrase": answer.reason,
        "headers": headers,
        "body": body,
    }
    return msgspec.json.encode({"response": response})
