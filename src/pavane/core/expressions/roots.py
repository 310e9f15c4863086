"""What expressions read: roots, and how the caller hands them over."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Read(msgspec.Struct, frozen=True):
    """One place that an expression reads, as far as it is known when it is compiled."""

    root: str
    """`workflow` or a step's reference name; empty when the root itself is found at run time."""
    path: tuple[str | int, ...] = ()
    """The members below it, up to the first part that is not a plain name or index."""


class Lookup(Protocol):
    """The caller's data while an expression is evaluated."""

    def root(self, name: str) -> object:
        """The JSON-like value behind a root name.

        KeyError says that there is no such root: it then reads as null. Any other exception
        passes through the evaluation untouched (the decider says "row not loaded" with one).
        """
        ...


def deduplicate(reads: list[Read]) -> tuple[Read, ...]:
    """The reads in order, each once."""
    return tuple(dict.fromkeys(reads))
