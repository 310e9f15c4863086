"""One execution: its graph, its steps, what waits for a person, what happened, its messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.workflow import Workflow
from pavane.core.projection.reading.hybrid import task_of
from pavane.doors.dashboard.asking import questions
from pavane.doors.dashboard.drawing import picture
from pavane.doors.dashboard.frame import page, section
from pavane.doors.dashboard.happened import timeline
from pavane.doors.dashboard.html import Child, Markup, joined, tag
from pavane.doors.dashboard.payload import payload
from pavane.doors.dashboard.steps import step_table
from pavane.doors.dashboard.words import api_path, chip, execution_path, moment, span
from pavane.doors.executions.asked import Executions, MessageView
from pavane.doors.rest.state import state
from pavane.doors.rest.visitor import may
from pavane.engine.views.shapes import ExecutionView
from pavane.errors import NotFoundError
from pavane.ports.store import Search

_LINKED_MAX: Final = 50  # scopes of another style, which are looked for one by one
_MESSAGES_MAX: Final = 300
_SCOPES = frozenset({task_of("orchestrated"), task_of("choreographed")})
_OF_STEP = re.compile(r"([0-9a-f-]{36}):.+", re.DOTALL)
"""The key of a scope of another style: the execution around it, and its step there."""


async def execution(request: Request) -> Response:
    """The page."""
    executions, id = state(request).executions, request.path_params["execution_id"]
    view = await executions.execution(id)
    links = await _links(executions, view)
    above = await _above(executions, view)
    body = [
        _heading(view, above),
        _attention(view),
        *questions(view, may_answer=may(request.scope, "operate")),
        section("Graph", await _graph(executions, view, links)),
        section("Steps", step_table(view, links)),
        _data(view),
        _messages(await executions.messages(id)),
        section("What happened", timeline(await executions.history(id), api_path(id, "/history"))),
    ]
    title = f"{view.workflow or view.id}: {view.status}"
    return page(title, body, events=api_path(id, "/events"))


async def _links(executions: Executions, view: ExecutionView) -> dict[str, str]:
    """Where the executions of steps are: sub-workflows by id, scopes of another style by key."""
    found = {step.ref: execution_path(step.child_id) for step in view.steps if step.child_id}
    scopes = [step for step in view.steps if step.task in _SCOPES and not step.undoes]
    for step in scopes[:_LINKED_MAX]:
        for each in await executions.executions(Search(key=f"{view.id}:{step.ref}", limit=1)):
            found[step.ref] = execution_path(each.id)
    return found


async def _above(executions: Executions, view: ExecutionView) -> str:
    """The id of the execution that this one is a step of, "" where there is none."""
    if view.parent_id:
        return view.parent_id
    match = _OF_STEP.fullmatch(view.key)
    return match[1] if match and await executions.knows(match[1]) else ""


def _heading(view: ExecutionView, above: str) -> Markup:
    facts: list[tuple[str, Child]] = [
        ("Id", tag("code", view.id)),
        ("Style", view.style),
        ("Version", _version(view)),
        ("Key", view.key or None),
        ("Correlation", view.correlation_id or None),
        ("Part of", tag("a", above, href=execution_path(above)) if above else None),
        ("Began", moment(view.created_at)),
        ("Ended", moment(view.ended_at) if view.ended_at else None),
        ("Took", span(view.created_at, view.ended_at) or None),
        ("Waits", view.waits or None),
        ("Cause", view.cause or None),
        ("Reason", view.reason or None),
    ]
    rows = [tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts if fact]
    title = tag("h1", view.workflow or "An execution", " ", chip(view.status))
    json = tag("p", tag("a", "As JSON", href=api_path(view.id)), class_="quiet")
    return joined(title, tag("dl", *rows, class_="facts"), json)


def _version(view: ExecutionView) -> str:
    if not view.version:
        return ""
    newer = view.newest_version > view.version
    return (
        f"{view.version} (version {view.newest_version} is registered)"
        if newer
        else str(view.version)
    )


def _attention(view: ExecutionView) -> Markup | None:
    if not view.attention:
        return None
    items = [
        tag(
            "li",
            tag("b", each.ref),
            f" ({each.task}): {each.reason} ",
            tag("code", f"pavane resolve {view.id} {each.ref} {'|'.join(each.actions)}"),
        )
        for each in view.attention
    ]
    return tag("section", tag("h2", "Waits for a person"), tag("ul", *items), class_="attention")


async def _graph(executions: Executions, view: ExecutionView, links: dict[str, str]) -> Markup:
    try:
        body = await executions.definition_of(view.id)
        workflow = msgspec.json.decode(body, type=Workflow)
    except (NotFoundError, msgspec.DecodeError):
        return tag("p", "It follows no definition that is known here.", class_="quiet")
    drawn = picture(workflow, {step.ref: step for step in view.steps}, links)
    whole = tag("a", "Its definition", href=api_path(view.id, "/definition"))
    if drawn is None:
        return tag("p", "Its graph is too large to be drawn. ", whole, class_="quiet")
    scroll = tag("div", drawn, class_="canvas", tabindex=0, role="region", aria_label="Graph")
    return joined(scroll, tag("p", whole, class_="quiet"))


def _data(view: ExecutionView) -> Markup:
    whole = api_path(view.id)
    parts = [tag("h3", "Input"), payload(view.input, whole)]
    if view.ended_at:
        parts += [tag("h3", "Output"), payload(view.output, whole)]
    if view.variables:
        body = msgspec.Raw(msgspec.json.encode(view.variables))
        parts += [tag("h3", "Variables"), payload(body, whole)]
    return section("Data", *parts)


def _messages(found: Sequence[MessageView]) -> Markup | None:
    if not found:
        return None
    heads = ("When", "From", "To", "What")
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in heads)))
    rows = [
        tag(
            "tr",
            tag("td", moment(each.at)),
            tag("td", _end(each.source, each.source_service) or "outside"),
            tag("td", _end(each.target, each.target_service) or "nobody yet"),
            tag("td", each.type, " (inferred)" if each.inferred else ""),
        )
        for each in found[:_MESSAGES_MAX]
    ]
    left = len(found) - len(rows)
    more = tag("p", f"{left} later ones are not shown.", class_="quiet") if left else None
    said = "Inferred: nobody told of the message, it follows from the steps that it joins."
    note = tag("p", said, class_="quiet") if any(each.inferred for each in found) else None
    return section("Messages", tag("table", head, tag("tbody", *rows)), more, note)


def _end(ref: str, service: str) -> str:
    return f"{service}: {ref}" if service and ref else ref or service
