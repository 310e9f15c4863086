"""What happened, one line a commit or a note, whoever wrote it down."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pavane.doors.dashboard.html import Markup, joined, tag
from pavane.doors.dashboard.words import moment
from pavane.engine.views.shapes import HistoryEntry

SHOWN_MAX = 300
_WORDS_MAX = 160
_NOT_SAID = frozenset({"kind", "note", "ref", "attempt", "status", "task", "type", "visible_at"})


def timeline(entries: list[HistoryEntry], whole: str) -> Markup:
    """Oldest first; of a long history the newest part."""
    shown = entries[-SHOWN_MAX:]
    lines = [
        tag("li", moment(each.at), " ", tag("span", *_said(each.entries), class_="said"))
        for each in shown
    ]
    left = len(entries) - len(shown)
    more = tag("p", f"{left} earlier ones are not shown. ", class_="quiet") if left else None
    link = tag("p", tag("a", "All of it as JSON", href=whole), class_="quiet")
    return joined(more, tag("ol", *lines, class_="happened"), link)


def _said(body: msgspec.Raw) -> list[Markup]:
    told: Any = msgspec.json.decode(body)
    entries = cast("list[dict[str, Any]]", told if isinstance(told, list) else [told])
    return [tag("span", _entry(each), class_="fact") for each in entries]


def _entry(entry: dict[str, Any]) -> Markup:
    """Coordinates first, then whatever else an entry says, cut."""
    about = str(entry.get("ref") or entry.get("handler") or entry.get("home") or "")
    what = str(entry.get("status") or entry.get("kind") or "")
    if entry.get("kind") == "status" or entry.get("note") == "scope":
        about, what = "execution", str(entry.get("status", ""))
    attempt = entry.get("attempt", 0)
    number = attempt if "note" in entry else attempt + 1 if isinstance(attempt, int) else 1
    again = f" (attempt {number})" if isinstance(number, int) and number > 1 else ""
    more = {key: each for key, each in entry.items() if key not in _NOT_SAID and each}
    rest = ", ".join(f"{key} {_short(value)}" for key, value in more.items())
    return joined(tag("b", about), f" {what}{again}", tag("span", f" {rest}", class_="quiet"))


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return said if len(said) <= _WORDS_MAX else f"{said[:_WORDS_MAX]}…"
