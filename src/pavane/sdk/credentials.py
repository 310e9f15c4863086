"""How a client shows its key: the one place that puts it into a header."""

from __future__ import annotations

import re

from pavane.errors import UsageError

_KEY = re.compile(r"[\x21-\x7e]{1,190}")


def headers_for(api_key: str | None) -> dict[str, str]:
    """The headers that show the key; none without one. UsageError, which does not repeat it."""
    key = (api_key or "").strip()
    if not key:
        return {}
    if not _KEY.fullmatch(key):
        raise UsageError(
            "The API key has characters that no key has, or is too long.",
            "Give it as `pavane keys add` printed it.",
        )
    return {"authorization": f"Bearer {key}"}
