"""Errors over HTTP: RFC 9457 problem details for everything that goes wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from pavane.doors.explaining import address_of, sections
from pavane.errors import (
    ConflictError,
    ConnectionFailedError,
    ContendedError,
    DefinitionError,
    ExecutionFailedError,
    ExpressionError,
    Fail,
    ForbiddenError,
    InputError,
    LimitReachedError,
    NotFoundError,
    PavaneError,
    ResultTimeoutError,
    StoppingError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    TooLargeError,
    UnauthenticatedError,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"


class MalformedError(InputError):
    """The body or the query cannot be read at all; says where."""

    code = "malformed"


STATUS_CODES: dict[type[PavaneError], int] = {
    MalformedError: 400,
    UsageError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    ExecutionFailedError: 409,
    LimitReachedError: 429,
    TooLargeError: 413,
    InputError: 422,
    DefinitionError: 422,
    ExpressionError: 422,
    Fail: 422,
    StoreFullError: 507,
    StoreError: 503,
    StoppingError: 503,
    ContendedError: 503,
    ConnectionFailedError: 503,
    ResultTimeoutError: 504,
}


def status_code(error: PavaneError) -> int:
    """The HTTP status of an error: that of its nearest ancestor in the table."""
    return next((STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES), 500)


def challenge(*, bad: bool = False) -> str:
    """WWW-Authenticate of a 401; `bad` where a key was shown that is none (RFC 6750)."""
    return 'Bearer realm="pavane"' + (', error="invalid_token"' if bad else "")


def problem(status: int, code: str, detail: str, remedy: str = "", **more: Any) -> Response:
    """A problem document; `code` is stable for programs, `detail` and `remedy` are for people."""
    body: dict[str, Any] = {
        "type": address_of(code),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "remedy": remedy,
        **more,
    }
    return Response(msgspec.json.encode(body), status, media_type=MEDIA_TYPE)


async def on_pavane_error(_request: Request, error: Exception) -> Response:
    """Any error of ours."""
    assert isinstance(error, PavaneError)
    more = {"findings": error.findings} if isinstance(error, DefinitionError) else {}
    response = problem(status_code(error), error.code, error.message, error.remedy, **more)
    if isinstance(error, StoreFullError | StoreBusyError | StoppingError):
        response.headers["retry-after"] = "1"
    if isinstance(error, UnauthenticatedError):
        response.headers["www-authenticate"] = challenge()
    return response


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    detail, remedy = f"{phrase}.", ""
    match error.status_code:
        case 404:
            detail, remedy = f"There is nothing at {request.url.path}.", "See /v1/openapi.json."
        case 405:
            allowed = (error.headers or {}).get("Allow", "")
            detail = f"{request.method} is not possible at {request.url.path}."
            remedy = f"Possible: {allowed}." if allowed else ""
        case _:
            pass
    response = problem(error.status_code, code, detail, remedy)
    response.headers.update(error.headers or {})
    return response


async def page(request: Request) -> Response:
    """What the `type` of a problem document leads to: its section in the reference, as text."""
    code = request.path_params["code"]
    text = sections().get(code)
    if text is None:
        raise NotFoundError(f"There is no problem '{code[:70]}'.", "`pavane explain` lists them.")
    return PlainTextResponse(f"{code}\n\n{text}\n")


async def on_hung_up(_request: Request, _error: Exception) -> Response:
    """Nobody is there any more to read this."""
    return Response(status_code=408)


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Ours to fix; the log has the traceback, the client gets nothing of it."""
    return problem(500, "internal", "Something went wrong inside the server.", "See its log.")


HANDLERS: dict[Any, Any] = {
    PavaneError: on_pavane_error,
    HTTPException: on_http_error,
    ClientDisconnect: on_hung_up,
    Exception: on_bug,
}
