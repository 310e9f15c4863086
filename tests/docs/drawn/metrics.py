"""The table of metrics, from the one that the server writes by."""

from pavane.doors.metrics.table import METRICS
from tests.docs.drawn.markers import filled, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "metrics.md"
_WHERE = ("conductor", "bus", "service")


def drawn(page: str) -> str:
    """The page with a table of what each kind of process has."""
    parts = {
        where: table(
            ("metric", "kind", "labels", "is"),
            (
                (
                    f"`{each.name}`",
                    each.kind,
                    ", ".join(f"`{label}`" for label in each.labels),
                    each.about,
                )
                for each in METRICS
                if each.where == where
            ),
        )
        for where in _WHERE
    }
    return filled(page, parts)
