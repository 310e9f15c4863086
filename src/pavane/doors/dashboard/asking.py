"""What waits for people on a page: a form for each question, and what becomes of an answer."""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import parse_qs, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pavane.core.model import status as st
from pavane.doors.dashboard.html import Markup, tag
from pavane.doors.dashboard.payload import payload
from pavane.doors.dashboard.words import api_path, execution_path
from pavane.doors.executions.asked import Action
from pavane.doors.rest.body import read_body
from pavane.doors.rest.state import state
from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.errors import InputError

_SHOWN_MAX: Final = 20


def questions(view: ExecutionView, *, may_answer: bool) -> list[Markup]:
    """One for each step that waits for a person; whoever may not answer sees how it is done."""
    waiting = [each for each in view.steps if each.type == "HUMAN" and each.status in st.OPEN]
    return [_question(view, each, may_answer) for each in waiting[:_SHOWN_MAX]]


def _question(view: ExecutionView, step: StepView, may_answer: bool) -> Markup:
    title = tag("h2", f"Waits for {_whom(step) or 'a person'}: {step.ref}")
    shown = payload(step.input, api_path(view.id))
    if not may_answer:
        command = tag("code", f"pavane signal {view.id} {step.ref} --output JSON")
        return tag("section", title, shown, tag("p", command), class_="ask")
    answer = tag("textarea", "{}", name="output", rows=3, spellcheck="false")
    return tag(
        "form",
        title,
        shown,
        tag("label", tag("span", "Answer, a JSON object"), answer),
        tag("label", tag("span", "Reason, of a refusal"), tag("input", name="reason")),
        tag("button", "Answer", name="status", value=st.COMPLETED),
        tag("button", "Refuse", name="status", value=st.FAILED),
        method="post",
        action=f"{execution_path(view.id)}/answer/{quote(step.ref, safe='')}",
        id=f"ask-{step.ref}",
        class_="ask",
    )


def _whom(step: StepView) -> str:
    """Who is asked, as far as the input names somebody."""
    given: Any = msgspec.json.decode(step.input)
    to = cast("dict[str, Any]", given).get("to") if isinstance(given, dict) else None
    names = cast("list[Any]", to) if isinstance(to, list) else [to]
    return ", ".join(name for name in names if isinstance(name, str))


async def answer(request: Request) -> Response:
    """Settle the step as the form says, and show the execution again."""
    id, ref = request.path_params["execution_id"], request.path_params["ref"]
    given = parse_qs((await read_body(request)).decode(errors="replace"))
    status = given.get("status", [""])[0]
    executions = state(request).executions
    if status == st.COMPLETED:
        output = given.get("output", ["{}"])[0].encode()
        await executions.act(id, Action("signal", ref, output=output, status="COMPLETED"))
    elif status == st.FAILED:
        reason = given.get("reason", [""])[0]
        await executions.act(id, Action("signal", ref, reason=reason, status="FAILED"))
    else:
        raise InputError("The form says neither an answer nor a refusal.", "Use its buttons.")
    return RedirectResponse(execution_path(id), 303, {"cache-control": "no-store"})
