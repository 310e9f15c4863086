"""How a task is done by calling a service that knows nothing of us: the request, as a template."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods that by their definition have no effect."""

Kind = Literal["", "object", "value", "nothing"]


class Call(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A request whose texts may hold placeholders for the task's inputs: `{order}`, `{order.id}`.

    In `body`, any JSON, a text that is one placeholder stands for the value itself. `done_on`,
    `retry_on` and `fail_on` are statuses that mean something else than usual. `result` says what
    the answer is: an "object" that is the output itself, a "value" that goes under `result`,
    "nothing" that matters, or, by default, whichever of the first two it turns out to be.
    """

    method: str = "GET"
    url: str = ""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: Any = None  # None: no body
    done_on: list[int] = []
    retry_on: list[int] = []
    fail_on: list[int] = []
    result: Kind = ""
