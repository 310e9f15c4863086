"""How pages say things: statuses with their marks, moments, spans, links."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from pavane.doors.dashboard.html import Markup, joined, tag

# A colour is never alone: each status has a mark and its name beside it.
MARKS = {
    "RUNNING": "▶",
    "PAUSED": "⏸",
    "COMPENSATING": "↶",
    "NEEDS_ATTENTION": "!",
    "COMPLETED": "✓",
    "COMPENSATED": "↶",
    "FAILED": "✗",
    "TIMED_OUT": "✗",
    "TERMINATED": "■",
    "SCHEDULED": "…",
    "IN_PROGRESS": "▶",
    "COMPLETED_WITH_ERRORS": "✓",
    "FAILED_WITH_TERMINAL_ERROR": "✗",
    "CANCELED": "■",
    "SKIPPED": "–",
    "UNDONE": "↶",
}
_TONES = {
    "good": {"COMPLETED", "COMPLETED_WITH_ERRORS"},
    "bad": {"FAILED", "TIMED_OUT", "FAILED_WITH_TERMINAL_ERROR", "NEEDS_ATTENTION"},
    "back": {"COMPENSATING", "COMPENSATED", "UNDONE"},
    "busy": {"RUNNING", "IN_PROGRESS"},
    "still": {"PAUSED", "SCHEDULED", "TERMINATED", "CANCELED", "SKIPPED"},
}


def tone(status: str) -> str:
    """The class of a status, for its colour; "none" for what is unknown."""
    return next((name for name, those in _TONES.items() if status in those), "none")


def chip(status: str) -> Markup:
    """A status as a small label."""
    mark = tag("span", MARKS.get(status, "·"), aria_hidden="true")
    return tag("span", mark, " ", status, class_=f"chip {tone(status)}")


def execution_path(execution_id: str) -> str:
    """Where the page of an execution is."""
    return f"/executions/{quote(execution_id, safe='')}"


def api_path(execution_id: str, rest: str = "") -> str:
    """Where the API has an execution."""
    return f"/v1/executions/{quote(execution_id, safe='')}{rest}"


def moment(at: int) -> Markup:
    """Epoch milliseconds as a time of day, with its day; nothing for 0."""
    if not at:
        return joined("–")
    try:
        when = datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # a journal may say anything
        return joined(f"{at} ms")
    shown = f"{when:%Y-%m-%d %H:%M:%S}.{at % 1000:03d}"
    return tag("time", shown, datetime=when.isoformat(), title="UTC")


def span(began: int, ended: int) -> str:
    """How long something took; nothing where it has not ended."""
    if not began or not ended:
        return ""
    ms = max(ended - began, 0)
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
