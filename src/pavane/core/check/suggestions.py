"""Guesses what somebody meant, so that a finding can say it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_NAMES_MAX = 2000  # beyond this guessing takes longer than it helps


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'ship'?`, or "" when nothing is like it."""
    names = [name for name in known if name][:_NAMES_MAX]
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
