"""A figure beside its target, for the table at the end."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Result(msgspec.Struct, frozen=True):
    """One line: what was measured, what it came to, and whether that was aimed at."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None  # None: no target, for orientation


def print_results(title: str, results: Iterable[Result]) -> None:
    """A small table."""
    print(f"\n{title}")
    for result in results:
        verdict = {True: "met", False: "not met", None: ""}[result.met]
        target = f"target {result.target}" if result.target else ""
        print(f"  {result.what:<46} {result.figure:>22}   {target:<24} {verdict}".rstrip())
