"""The steps of an execution: status, attempts, input and output; undos are steps of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pavane.doors.dashboard.html import Markup, joined, tag
from pavane.doors.dashboard.payload import payload
from pavane.doors.dashboard.words import api_path, chip, moment, span
from pavane.engine.views.progress import progress_text
from pavane.engine.views.shapes import ExecutionView, StepView

SHOWN_MAX: Final = 200


def step_table(view: ExecutionView, links: Mapping[str, str]) -> Markup:
    """All of them as a list whose items open; of very many the first ones."""
    if not view.steps:
        return tag("p", "Nothing has begun yet.", class_="quiet")
    whole = api_path(view.id)
    items = [_step(each, links.get(each.ref, ""), whole) for each in view.steps[:SHOWN_MAX]]
    left = len(view.steps) - len(items)
    link = tag("a", "All of them as JSON", href=whole)
    more = tag("p", f"{left} more are not shown. ", link, class_="quiet") if left else None
    return joined(tag("div", *items, class_="steps"), more)


def _step(step: StepView, link: str, whole: str) -> Markup:
    owner = step.service and step.task and f"{step.service}.{step.task}"
    undoes = f"undoes {step.undoes}" if step.undoes else ""
    attempts = f"{step.attempts} attempts" if step.attempts > 1 else ""
    about = [owner or step.type, undoes, attempts, span(step.started_at, step.ended_at)]
    summary = tag(
        "summary",
        chip(step.status),
        tag("b", step.ref),
        tag("span", " · ".join(filter(None, about)), class_="quiet"),
        tag("span", step.reason, class_="reason") if step.reason else None,
        tag("span", told, class_="quiet") if (told := progress_text(step) or step.waits) else None,
    )
    return tag(
        "details",
        summary,
        tag("p", tag("a", "Its execution", href=link)) if link else None,
        _attempts(step),
        tag("h3", "Input"),
        payload(step.input, whole),
        tag("h3", "Output"),
        payload(step.output, whole),
        id=f"step-{step.ref}",
        class_=f"step {'undo' if step.undoes else ''}",
    )


def _attempts(step: StepView) -> Markup:
    earlier = [
        tag(
            "li",
            f"Attempt {each.attempt}: ",
            chip(each.status),
            f" {span(each.started_at, each.ended_at)} {each.reason}",
        )
        for each in step.earlier
    ]
    began = tag("span", "began ", moment(step.started_at or step.scheduled_at))
    last = tag("li", f"Attempt {step.attempts}: ", chip(step.status), " ", began, f" {step.reason}")
    worker = tag("p", f"Worker: {step.worker}", class_="quiet") if step.worker else None
    return joined(tag("ul", *earlier, last, class_="attempts"), worker)
