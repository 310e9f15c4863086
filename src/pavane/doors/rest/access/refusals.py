"""Refusals at the door: in the shape of the API that was asked, and in the log, within limits."""

from __future__ import annotations

import logging
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Scope

from pavane.doors.rest.conductor.errors import error_response, unauthenticated
from pavane.doors.rest.problems import challenge, problem, status_code
from pavane.errors import PavaneError, UnauthenticatedError

_LOG = logging.getLogger("pavane.access")
_LOGGED_FIRST = 20  # lines at once; then each power of two is told, with how many there were


class Refusals:
    """Counts them: whoever knocks a million times must not fill the disk with lines."""

    def __init__(self) -> None:
        self.count = 0

    def answer(self, error: PavaneError, scope: Scope, *, bad: bool = False) -> Response:
        """The response; `bad` for a key that is none, which Conductor's SDKs then fetch again."""
        self.count += 1
        if self.count <= _LOGGED_FIRST or self.count & (self.count - 1) == 0:
            where = quote(scope["path"][:200])
            _LOG.warning(
                "refused %s %s: %s (%d so far)", scope["method"], where, error.message, self.count
            )
        return refusal(error, scope["path"], bad=bad)


def refusal(error: PavaneError, path: str, *, bad: bool = False) -> Response:
    """The error as Conductor tells it under /api, as a problem document elsewhere."""
    here = path == "/api" or path.startswith("/api/")
    if here and isinstance(error, UnauthenticatedError):
        return unauthenticated(error, bad=bad)
    status = status_code(error)
    if here:
        return error_response(status, str(error), error.code)
    response = problem(status, error.code, error.message, error.remedy)
    if isinstance(error, UnauthenticatedError):
        response.headers["www-authenticate"] = challenge(bad=bad)
    return response
