"""`POST /v1/exchange`: results up and the next work down, in one request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import read_json
from pavane.doors.rest.hanging_up import unless_hung_up
from pavane.doors.rest.state import state
from pavane.engine.exchange import Wanted, exchange


async def post(request: Request) -> Response:
    """One exchange of a worker; what it would have got goes back if it hangs up meanwhile."""
    wanted = await read_json(request, Wanted)
    here = state(request)
    exchanging = exchange(here.engine, here.records, wanted)
    if wanted.reports:  # it does not wait
        return json_response(await exchanging)
    return json_response(await unless_hung_up(request, exchanging))
