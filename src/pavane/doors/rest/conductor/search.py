"""Conductor's search: /api/workflow/search, and executions by correlation id or while running."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model import status as st
from pavane.core.model.rows import Header
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import flag, integer, read_json
from pavane.doors.rest.conductor import translation
from pavane.doors.rest.conductor.errors import NotBuiltError
from pavane.doors.rest.conductor.query import NUMBERS, TEXTS, exact, parse, since
from pavane.doors.rest.conductor.shapes import SearchResult
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import state
from pavane.engine.views.records import SCAN_MAX
from pavane.errors import TooLargeError
from pavane.ports.store import Search

SIZE_MAX = 5000
IDS_MAX = 1000
_TIME_MAX = 2**53

# What may read as each of Conductor's statuses.
_STORED = {
    st.RUNNING: (st.RUNNING, st.COMPENSATING, st.NEEDS_ATTENTION),
    st.PAUSED: (st.PAUSED,),
    st.COMPLETED: (st.COMPLETED,),
    st.FAILED: (st.FAILED, st.COMPENSATED),
    st.TIMED_OUT: (st.TIMED_OUT, st.COMPENSATED),
    st.TERMINATED: (st.TERMINATED, st.COMPENSATED),
}


async def search(request: Request) -> Response:
    """A page of summaries, newest first unless sorted otherwise."""
    query = request.query_params
    free_text = query.get("freeText", "*")
    if free_text not in {"", "*"}:
        raise NotBuiltError("Pavane does not search by free text yet.", "Use `query`.")
    if query.get("queryId"):
        raise NotBuiltError("Pavane keeps no cursors of searches (`queryId`).", "Use `start`.")
    start = integer(request, "start", 0, 0, SCAN_MAX)
    size = integer(request, "size", 100, 0, SIZE_MAX)
    conditions = parse(query.get("query", ""))
    statuses = exact(conditions, "status")
    names = exact(conditions, "workflowType")
    wanted = Search(
        workflow=names[0] if len(names) == 1 else "",
        statuses=tuple(stored for each in statuses for stored in _STORED.get(each, (each,))),
        parent_id="" if flag(request, "topLevelOnly") else None,
    )
    found = await _scan(request, wanted, since(conditions))
    hits = [each for each in found if all(one.fits(each) for one in conditions)]
    for field, descending in reversed(_sorting(query.get("sort", ""))):
        hits.sort(key=_key(field), reverse=descending)
    records = await state(request).records.of(hits[start : start + size], tasks=False)
    return json_response(SearchResult(len(hits), [translation.summary(each) for each in records]))


async def running(request: Request) -> Response:
    """The ids of what goes on of one workflow and version."""
    version = integer(request, "version", 1, 1, 2**31 - 1)
    after = integer(request, "startTime", 0, 0, _TIME_MAX)
    before = integer(request, "endTime", _TIME_MAX, 0, _TIME_MAX)
    statuses = (*_STORED[st.RUNNING], st.PAUSED)
    wanted = Search(workflow=request.path_params["name"], statuses=statuses)
    found = await _scan(request, wanted, after)
    return json_response(
        [each.id for each in found if each.version == version and each.created_at < before]
    )


async def correlated(request: Request) -> Response:
    """The executions of one workflow with a correlation id."""
    wanted = request.path_params["correlation_id"]
    return json_response((await _correlated(request, [wanted]))[wanted])


async def correlated_many(request: Request) -> Response:
    """The executions of one workflow by correlation id."""
    return json_response(await _correlated(request, await read_json(request, list[str])))


async def _correlated(request: Request, ids: list[str]) -> dict[str, list[Any]]:
    if len(ids) > IDS_MAX:
        raise MalformedError(f"More than {IDS_MAX} correlation ids are asked for at once.")
    closed, tasks = flag(request, "includeClosed"), flag(request, "includeTasks")
    statuses = () if closed else (*_STORED[st.RUNNING], st.PAUSED)
    wanted = Search(workflow=request.path_params["name"], statuses=statuses)
    hits = [each for each in await _scan(request, wanted) if each.correlation_id in set(ids)]
    found: dict[str, list[Any]] = {each: [] for each in ids}
    for record in await state(request).records.of(hits[:SIZE_MAX], tasks=tasks):
        found[record.header.correlation_id].append(translation.workflow(record, with_tasks=tasks))
    return found


async def _scan(request: Request, wanted: Search, after: int = 0) -> Iterable[Header]:
    found, complete = await state(request).records.scan(wanted, after)
    if not complete:
        raise TooLargeError(
            f"The search would look at more than {SCAN_MAX:,} executions; narrow it with "
            "workflowType, status or startTime."
        )
    return found


def _sorting(text: str) -> list[tuple[str, bool]]:
    """`field:ASC|field:DESC` as (field, descending)."""
    found: list[tuple[str, bool]] = []
    for part in filter(None, text.split("|")):
        field, _, order = part.partition(":")
        if field not in TEXTS and field not in NUMBERS:
            raise MalformedError(f"Nothing is sorted by '{field[:40]}'.")
        if order.upper() not in {"", "ASC", "DESC"}:
            raise MalformedError(f"'{order[:40]}' is no order: ASC or DESC.")
        found.append((field, order.upper() == "DESC"))
    return found


def _key(field: str) -> Callable[[Header], Any]:
    return NUMBERS[field] if field in NUMBERS else TEXTS[field]
