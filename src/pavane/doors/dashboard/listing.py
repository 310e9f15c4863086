"""The list of executions of every style, with filters and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pavane.doors.dashboard.frame import page
from pavane.doors.dashboard.html import Markup, tag
from pavane.doors.dashboard.words import chip, execution_path, moment, span
from pavane.doors.rest.native.executions import STATUSES, STYLES, search_of
from pavane.doors.rest.state import state
from pavane.engine.views.shapes import ExecutionSummary

PAGE: Final = 50
_FILTERS = ("workflow", "status", "style", "key")


async def listing(request: Request) -> Response:
    """The page; an id in the search box leads to its execution."""
    here = state(request)
    executions = here.executions
    given = {name: request.query_params.get(name, "").strip() for name in (*_FILTERS, "before")}
    if given["key"] and await executions.knows(given["key"]):
        return RedirectResponse(execution_path(given["key"]), 303)
    wanted, style = search_of(given, PAGE)
    found = await executions.executions(wanted, style)
    names = sorted({each.name for each in await executions.workflows()})
    body = [
        tag("h1", "Executions"),
        _filters(given, names),
        _table(found) if found else tag("p", _nothing(given), class_="nothing"),
        _pages(given, found),
        tag("p", tag("a", "Events on the bus", href="/events")) if here.company else None,
    ]
    return page("Executions", body, events="/v1/executions/events")


def _nothing(given: Mapping[str, str]) -> str:
    if any(given.values()):
        return "Nothing fits. Leave a filter out."
    return "No executions yet. `pavane start WORKFLOW --server URL` starts one."


def _filters(given: Mapping[str, str], names: Sequence[str]) -> Markup:
    workflow = given["workflow"]
    known = names if workflow in ("", *names) else [workflow, *names]
    search = tag("input", name="key", value=given["key"], type="search", placeholder="key or id")
    return tag(
        "form",
        _choice("workflow", "Workflow", known, workflow),
        _choice("status", "Status", STATUSES, given["status"]),
        _choice("style", "Style", STYLES, given["style"]),
        tag("label", tag("span", "Key or id"), search),
        tag("button", "Show"),
        tag("a", "Everything", href="/") if any(given.values()) else None,
        method="get",
        action="/",
        class_="filters",
        role="search",
    )


def _choice(name: str, label: str, values: Sequence[str], chosen: str) -> Markup:
    options = [tag("option", "any", value="")]
    options += [tag("option", each, value=each, selected=each == chosen) for each in values]
    return tag("label", tag("span", label), tag("select", *options, name=name))


def _table(found: Sequence[ExecutionSummary]) -> Markup:
    heads = ("Status", "Workflow", "Style", "Key", "Began", "Took", "Reason")
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in heads)))
    return tag("table", head, tag("tbody", *map(_row, found)), class_="list")


def _row(each: ExecutionSummary) -> Markup:
    name = each.workflow or each.id
    cells: list[tuple[str, Markup | str]] = [
        ("status", chip(each.status)),
        ("workflow", tag("a", name, href=execution_path(each.id))),
        ("style", each.style),
        ("key", each.key),
        ("began", moment(each.created_at)),
        ("took", span(each.created_at, each.ended_at)),
        ("reason", each.reason),
    ]
    return tag("tr", *(tag("td", cell, class_=name) for name, cell in cells), data_id=each.id)


def _pages(given: Mapping[str, str], found: Sequence[ExecutionSummary]) -> Markup:
    filters = {name: given[name] for name in _FILTERS if given[name]}
    newest = tag("a", "Newest", href=f"/?{urlencode(filters)}") if given["before"] else None
    older = None
    if len(found) == PAGE:
        older = tag("a", "Older", href=f"/?{urlencode({**filters, 'before': found[-1].id})}")
    return tag("nav", newest, older, aria_label="Pages", class_="pages")
