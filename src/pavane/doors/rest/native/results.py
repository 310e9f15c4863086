"""The result of an execution, waited for if need be."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model import status as st
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import integer
from pavane.doors.rest.state import State, state
from pavane.errors import ResultTimeoutError

MAX_WAIT_S = 60


async def result(request: Request) -> Response:
    """200 with the output once it has ended, 202 when `?wait=` seconds were too few."""
    here = state(request)
    execution_id = request.path_params["execution_id"]
    wait_s = integer(request, "wait", 0, 0, MAX_WAIT_S)
    summary, output = await here.executions.result(execution_id)
    if wait_s and summary.status not in st.ENDED and summary.status != st.NEEDS_ATTENTION:
        await _wait(here, execution_id, wait_s)
        summary, output = await here.executions.result(execution_id)
    answer = {"id": summary.id, "status": summary.status, "reason": summary.reason}
    if summary.status in st.ENDED:
        return json_response({**answer, "cause": summary.cause, "output": output})
    return json_response(answer, 202, {"location": str(request.url)})


async def _wait(here: State, execution_id: str, wait_s: float) -> None:
    """Until it has ended, needs a person, the time is up, or the server stops."""
    waiting = asyncio.ensure_future(here.executions.wait(execution_id, wait_s))
    stopping = asyncio.ensure_future(here.stopping.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            waiting.result()
    except ResultTimeoutError:
        pass
    finally:
        waiting.cancel()
        stopping.cancel()
