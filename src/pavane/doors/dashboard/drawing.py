"""A definition as a picture (SVG), with what its steps have come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from pavane.core.model.workflow import CHOICES, Workflow
from pavane.core.projection.reading.hybrid import task_of
from pavane.doors.dashboard.html import Markup, joined, tag
from pavane.doors.dashboard.iterations import Fan, Newest, branches, newest
from pavane.doors.dashboard.layout import BAR_H, PAD, Frame, Line, Placed, layout
from pavane.doors.dashboard.words import MARKS, tone
from pavane.engine.views.shapes import StepView

_MARGIN: Final = 16
_LETTERS: Final = 24  # of a name, in a box
_SCOPES = frozenset({task_of("orchestrated"), task_of("choreographed")})
_SMALL = frozenset({"FORK_JOIN", "JOIN"})
_PLAIN = frozenset({"SIMPLE"})


def picture(
    workflow: Workflow, steps: Mapping[str, StepView], links: Mapping[str, str]
) -> Markup | None:
    """The graph; `links` lead from steps to their executions. None: too large to be drawn."""
    block = layout(workflow.tasks)
    if block is None:
        return None
    block = block.moved(_MARGIN, _MARGIN)
    width, height = block.width + 2 * _MARGIN, block.height + 2 * _MARGIN
    now = newest(workflow.tasks, steps)
    fans = branches(steps.values())
    frames = [_frame(each) for each in block.frames]
    lines = [_line(each, now.steps) for each in block.lines]
    boxes = [
        _box(each, now.steps.get(each.step.ref), links, _many(each, now, fans))
        for each in block.placed
    ]
    return tag(
        "svg",
        tag("title", f"The steps of {workflow.name}"),
        _arrow(),
        *frames,
        *lines,
        *boxes,
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        class_="graph",
        role="img",
        aria_label=f"Graph of {workflow.name}; the table below says the same",
    )


def _arrow() -> Markup:
    head = tag("path", d="M0 0 L8 4 L0 8 z", class_="head")
    marker = tag(
        "marker",
        head,
        id="arrow",
        viewBox="0 0 8 8",
        refX=8,
        refY=4,
        markerWidth=9,
        markerHeight=9,
        markerUnits="userSpaceOnUse",
        orient="auto",
    )
    return tag("defs", marker)


def _frame(frame: Frame) -> Markup:
    """What goes round; frames stand behind everything else."""
    return tag(
        "rect",
        x=f"{frame.x:g}",
        y=f"{frame.y:g}",
        width=f"{frame.width:g}",
        height=f"{frame.height:g}",
        rx=14,
        class_="fan" if frame.step.type == "FORK_JOIN_DYNAMIC" else "loop",
    )


def _back(line: Line) -> Markup:
    """From the end of an iteration to the box of its loop, along the left side of the frame."""
    left = line.x2 - PAD / 2
    corner = f"M{line.x1:g} {line.y1 - PAD / 2:g} H{left:g}"
    way = f"{corner} V{line.y2:g} H{line.x2:g}"
    return tag("path", d=way, class_="way again", marker_end="url(#arrow)")


def _line(line: Line, steps: Mapping[str, StepView]) -> Markup:
    if line.back:
        return _back(line)
    source, target = steps.get(line.source), steps.get(line.target)
    goes_on = (
        target is not None if line.target else source is not None and source.type not in CHOICES
    )
    taken = source is not None and goes_on
    middle = (line.y1 + line.y2) / 2
    way = f"M{line.x1:g} {line.y1:g} C{line.x1:g} {middle:g} {line.x2:g} {middle:g}"
    path = tag(
        "path",
        d=f"{way} {line.x2:g} {line.y2:g}",
        class_="way" + (" taken" if taken else ""),
        marker_end="url(#arrow)" if line.target else None,
    )
    if not line.label:
        return path
    at = {"x": f"{line.x2 + 10:g}", "y": f"{line.y2 - 8:g}"}
    return joined(path, tag("text", _cut(line.label), class_="case", **at))


def _box(placed: Placed, step: StepView | None, links: Mapping[str, str], many: str) -> Markup:
    definition = placed.step
    status = step.status if step else ""
    kind = "scope" if _is_scope(placed) else "bar" if definition.type in _SMALL else "box"
    box = tag(
        "rect",
        x=f"{placed.x:g}",
        y=f"{placed.y:g}",
        width=f"{placed.width:g}",
        height=f"{placed.height:g}",
        rx=4 if kind == "bar" else 9,
    )
    middle = f"{placed.x + placed.width / 2:g}"
    first = placed.y + (17 if placed.height == BAR_H else 22)
    mark = f"{MARKS.get(status, '')} " if status else ""
    name = tag("text", mark, _cut(definition.ref), x=middle, y=f"{first:g}", class_="name")
    below = None
    if placed.height != BAR_H:
        below = tag(
            "text",
            _cut(_below(placed, step, many), 30),
            x=middle,
            y=f"{first + 18:g}",
            class_="below",
        )
    title = tag("title", f"{definition.ref}: {status or 'not begun'}")
    inner = tag("g", title, box, name, below, class_=f"step {kind} {tone(status)}")
    ref = step.ref if step else definition.ref
    link = links.get(ref) or (f"#step-{quote(ref)}" if step else "")
    return tag("a", inner, href=link) if link else inner


def _is_scope(placed: Placed) -> bool:
    return placed.step.type == "SUB_WORKFLOW" or placed.step.name in _SCOPES


def _many(placed: Placed, now: Newest, fans: Mapping[str, Fan]) -> str:
    """How often a loop has gone round, or how far the branches of a fan have come."""
    ref = placed.step.ref
    step = now.steps.get(ref)
    if step is not None and step.ref in fans:
        fan = fans[step.ref]
        return f"{fan.done} of {fan.begun} done" + (f", {fan.failed} failed" * bool(fan.failed))
    return f"iteration {now.iterations[ref]}" if ref in now.iterations else ""


def _below(placed: Placed, step: StepView | None, many: str) -> str:
    definition = placed.step
    service = step.service if step and step.service else definition.service
    kind = "scope" if _is_scope(placed) else _kind(definition.type)
    parts = [service if definition.type in _PLAIN and service else kind]
    if many:
        parts.append(many)
    if step and step.attempts > 1:
        parts.append(f"{step.attempts} attempts")
    if step and step.undo:
        parts.append(f"undo {step.undo.lower().replace('_', ' ')}")
    elif definition.pivot:
        parts.append("pivot")
    return " · ".join(parts)


def _kind(type: str) -> str:
    return "fan" if type == "FORK_JOIN_DYNAMIC" else type.lower().replace("_", " ")


def _cut(name: str, letters: int = _LETTERS) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
