"""Answers as JSON, written by msgspec straight from views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response of views, rows or plain data."""
    body = msgspec.json.encode(value)
    return Response(body, status, headers=headers, media_type="application/json")
