"""From a call and the inputs of an attempt to the request that is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec

from pavane.core.check.calls import SECRET
from pavane.core.expressions.placeholders import (
    Path,
    alone,
    as_text,
    fill_text,
    fill_value,
    look_up,
)
from pavane.core.model.call import Call
from pavane.errors import ExpressionError, Fail
from pavane.ports.caller import CallRequest
from pavane.sdk.calls.secrets import secret_for
from pavane.sdk.context import TaskContext

CONNECT_S = 10.0


def request_of(call: Call, input: bytes, context: TaskContext, timeout_s: float) -> CallRequest:
    """What is sent. Fail where the inputs do not fit into it."""
    try:
        values: dict[str, Any] = msgspec.json.decode(input, type=dict[str, Any])
        url = _url(call.url, values)
        query = _query(call.query, values)
        headers = {name.lower(): _header(text, values, url) for name, text in call.headers.items()}
        body = None
        if call.body is not None:
            body = msgspec.json.encode(fill_value(call.body, values))
            headers.setdefault("content-type", "application/json")
    except (ExpressionError, msgspec.DecodeError) as error:
        raise Fail(f"{call.method} {call.url}: {error}") from error
    headers = {**told_by_us(context), "accept": "application/json", **headers}
    return CallRequest(
        method=call.method,
        url=f"{url}?{urlencode(query)}" if query else url,
        headers=tuple(headers.items()),
        body=body,
        timeout_s=timeout_s,
        connect_timeout_s=min(CONNECT_S, timeout_s),
    )


def told_by_us(context: TaskContext) -> dict[str, str]:
    """The headers by which a service knows the step again: on each attempt the same key."""
    told = {"user-agent": "pavane"}
    if context.idempotency_key:
        told["idempotency-key"] = context.idempotency_key
        told["traceparent"] = _trace_parent(context)
        if (correlation := quote(context.correlation_id, safe=" :/@+,;=")) != "":
            told["x-correlation-id"] = correlation
    return told


def _trace_parent(context: TaskContext) -> str:
    """W3C trace context: one trace per execution, one span per attempt, the same when repeated."""
    trace = hashlib.sha256(context.execution_id.encode()).hexdigest()[:32]
    attempt = f"{context.idempotency_key}#{context.attempt}"
    span = hashlib.sha256(attempt.encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"


def _url(template: str, values: Mapping[str, Any]) -> str:
    def put(path: Path) -> str:
        text = as_text(look_up(values, path), path)
        if text in {"", ".", ".."}:
            raise ExpressionError(
                f"{{{'.'.join(path)}}} is {text!r}, which makes another path of it.",
                "Give it a value that can be a part of a path.",
            )
        return quote(text, safe="")

    return fill_text(template, put)


def _query(templates: Mapping[str, str], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, text in templates.items():
        path = alone(text)
        if path is None:
            found.append((name, str(fill_value(text, values))))
            continue
        value: Any = look_up(values, path)
        several = cast("list[Any]", value if isinstance(value, list) else [value])
        found += [(name, as_text(each, path)) for each in several if each is not None]
    return found


def _header(text: str, values: Mapping[str, Any], url: str) -> str:
    def put(path: Path) -> str:
        if path[0] == SECRET:
            return secret_for(path[1], url)
        return as_text(look_up(values, path), path)

    filled = fill_text(text, put)
    if not (filled.isascii() and filled.isprintable()):
        raise ExpressionError(
            f"The header {text!r} would hold characters that cannot be sent.",
            "Put the value into the query or the body.",
        )
    return filled
