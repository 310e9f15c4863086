"""Errors as Conductor tells them: its status codes, its `ErrorResponse`, its exact messages."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pavane.doors.rest.problems import challenge, on_hung_up, status_code
from pavane.errors import (
    ConflictError,
    DefinitionError,
    InputError,
    NotFoundError,
    PavaneError,
    StoppingError,
    StoreError,
    UnauthenticatedError,
    UsageError,
)

_LOG = logging.getLogger("pavane.rest")

INSTANCE = "pavane"
INVALID = "Validation failed, check below errors for detail."
_BAD_REQUEST = 400


class NotBuiltError(UsageError):
    """A field or parameter of Conductor that is not built yet: refused, never passed over."""

    code = "not-built"


class AbsentError(NotBuiltError):
    """A whole endpoint of Conductor that is not built yet."""


class InvalidError(InputError):
    """Fields that Conductor's validation would refuse: (path, message) of each."""

    code = "invalid-input"

    def __init__(self, *wrong: tuple[str, str]) -> None:
        super().__init__(INVALID)
        self.wrong = wrong


def error_response(
    status: int,
    message: str,
    code: str,
    *,
    retryable: bool = False,
    wrong: Sequence[tuple[str, str]] = (),
    more: Mapping[str, str] | None = None,
) -> Response:
    """A Conductor `ErrorResponse`."""
    body: dict[str, Any] = {
        "status": status,
        "message": message,
        "instance": INSTANCE,
        "retryable": retryable,
        "code": code,
        **(more or {}),
    }
    if wrong:
        body["validationErrors"] = [{"path": path, "message": text} for path, text in wrong]
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def on_pavane_error(_request: Request, error: Exception) -> Response:
    """Any error of ours."""
    assert isinstance(error, PavaneError)
    if isinstance(error, UnauthenticatedError):
        return unauthenticated(error)
    status = status_code(error)
    if status == 422:
        status = _BAD_REQUEST
    message, wrong = _words(error), []
    if isinstance(error, AbsentError):
        status = 501
    elif isinstance(error, InvalidError):
        wrong = list(error.wrong)
    elif isinstance(error, DefinitionError):
        wrong = [("", text) for text in error.findings or (message,)]
        message = INVALID
    retryable = isinstance(error, StoreError | StoppingError)
    response = error_response(status, message, error.code, retryable=retryable, wrong=wrong)
    if retryable:
        response.headers["retry-after"] = "1"
    return response


def unauthenticated(error: UnauthenticatedError, *, bad: bool = True) -> Response:
    """401; `bad` for a key that is none: the SDKs then fetch another token, once."""
    more = {"error": "INVALID_TOKEN"} if bad else None
    response = error_response(401, str(error), error.code, more=more)
    response.headers["www-authenticate"] = challenge(bad=bad)
    return response


def _words(error: PavaneError) -> str:
    """Clients compare Conductor's own sentences as they are; ours come with the way out."""
    if isinstance(error, NotFoundError):
        return error.message.removesuffix(".")
    if isinstance(error, InputError) or (isinstance(error, ConflictError) and not error.remedy):
        return error.message
    return str(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = f"No static resource {request.url.path.lstrip('/')}."
    elif error.status_code == 405:
        message = f"Request method '{request.method}' is not supported"
    code = message if error.status_code not in {404, 405} else "no-such-endpoint"
    response = error_response(error.status_code, message, code)
    response.headers.update(error.headers or {})
    return response


async def on_bug(request: Request, error: Exception) -> Response:
    """Ours to fix; the log has the traceback, the client gets nothing of it."""
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(500, "Something went wrong inside the server: see its log.", "internal")


HANDLERS: dict[Any, Any] = {
    PavaneError: on_pavane_error,
    HTTPException: on_http_error,
    ClientDisconnect: on_hung_up,
    Exception: on_bug,
}
