"""f-strings: Python's formats, without those that depend on the machine or have no bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any

from pavane.core.expressions.bounds import FAULTS, Refused, Run, kind, weigh
from pavane.core.expressions.functions import text

MAX_WIDTH = 1_000
_NUMBERS = re.compile(r"\d+")
_DIRECTIVES = re.compile(r"%(.?)", re.DOTALL)
_CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("r"): repr, ord("a"): ascii, ord("s"): str}
_NEUTRAL = frozenset("YmdHMSfjyz%")
"""Date directives that mean the same whatever the machine's language and platform."""


def format_value(run: Run, value: Any, conversion: int, spec: str) -> str:
    """One `{value!r:spec}` of an f-string."""
    if conversion in _CONVERSIONS:
        weigh(run, value)
        try:
            value = _CONVERSIONS[conversion](value)
        except FAULTS as error:
            raise Refused(f"{kind(value)} cannot be written as text", "Write its parts.") from error
    if not spec:
        return text(run, value)
    _check(value, spec)
    try:
        written = format(value, spec)
    except FAULTS as error:
        raise Refused(
            f"{spec!r} is no format for {kind(value)}", "Use one such as .2f, >10 or %Y-%m-%d."
        ) from error
    run.grow(len(written))
    return written


def _check(value: Any, spec: str) -> None:
    if any(len(digits) > 4 or int(digits) > MAX_WIDTH for digits in _NUMBERS.findall(spec)):
        raise Refused(
            f"a format is wider than {MAX_WIDTH} characters", "Use a smaller width or precision."
        )
    if isinstance(value, (date, time)):
        for directive in _DIRECTIVES.findall(spec):
            if directive not in _NEUTRAL:
                raise Refused(
                    f"`%{directive}` depends on the machine's language or platform",
                    f"Use only %{', %'.join(sorted(_NEUTRAL))}.",
                )
    elif isinstance(value, (int, float, Decimal)) and spec[-1] in "nc":
        raise Refused(f"the format `{spec[-1]}` is not available", "Use one such as d, .2f or ,.")
