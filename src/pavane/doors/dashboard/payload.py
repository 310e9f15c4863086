"""Inputs and outputs as readable JSON, cut where they are long."""

from __future__ import annotations

import msgspec

from pavane.doors.dashboard.html import Markup, joined, tag

SHOWN_MAX = 2000
"""Characters; the rest is behind the link."""


def payload(body: msgspec.Raw, whole: str) -> Markup:
    """JSON on a page; `whole` is where all of it can be read."""
    raw = bytes(body)
    if raw in (b"", b"null"):
        return tag("span", "none", class_="quiet")
    if len(raw) <= SHOWN_MAX * 2:  # larger ones are not even laid out
        raw = msgspec.json.format(raw, indent=2)
    shown = raw[: SHOWN_MAX * 4].decode("utf-8", "replace")
    if len(shown) <= SHOWN_MAX:
        return tag("pre", shown)
    cut = tag("pre", shown[:SHOWN_MAX], "…")
    size = f"Cut: {len(bytes(body)):,} bytes in all. "
    return joined(cut, tag("p", size, tag("a", "All of it as JSON", href=whole), class_="quiet"))
