"""The text format of Prometheus, version 0.0.4, for any program that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pavane.doors.metrics.table import METRICS, SERIES_MAX, Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OTHERS: Final = "(others)"

Series = Mapping[tuple[str, ...], float]
"""Values by the values of the labels."""

_ESCAPED = {"\\": r"\\", '"': r"\"", "\n": r"\n"}


def written(found: Mapping[str, Series]) -> bytes:
    """All metrics of the table that were found, by name; those that were not are left out."""
    lines: list[str] = []
    for metric in METRICS:
        if metric.name in found:
            lines.append(f"# HELP {metric.name} {metric.about}")
            lines.append(f"# TYPE {metric.name} {metric.kind}")
            lines += _lines(metric, bounded(found[metric.name]))
    return ("\n".join(lines) + "\n").encode() if lines else b""


def bounded(series: Series) -> Series:
    """At most so many as one metric may have: the smallest are summed up."""
    if len(series) <= SERIES_MAX:
        return series
    ranked = sorted(series.items(), key=lambda each: (-each[1], each[0]))
    kept = dict(ranked[: SERIES_MAX - 1])
    rest = ranked[SERIES_MAX - 1 :]
    kept[tuple(OTHERS for _ in rest[0][0])] = sum(value for _, value in rest)
    return kept


def _lines(metric: Metric, series: Series) -> Iterable[str]:
    for values, value in sorted(series.items()):
        labels = ",".join(
            f'{name}="{_escaped(each)}"' for name, each in zip(metric.labels, values, strict=True)
        )
        yield f"{metric.name}{{{labels}}} {value:g}" if labels else f"{metric.name} {value:g}"


def _escaped(value: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: _ESCAPED[found[0]], value)
