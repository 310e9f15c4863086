"""The diagrams of statuses, from the tables of the core that say which changes there are."""

from collections.abc import Mapping

from pavane.core.model import status
from tests.docs.drawn.markers import filled
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "statuses.md"
_TABLES: dict[str, Mapping[str, frozenset[str]]] = {
    "executions": status.EXECUTION_CHANGES,
    "tasks": status.TASK_CHANGES,
}


def diagram(changes: Mapping[str, frozenset[str]]) -> str:
    """The table of changes as a mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for old, following in changes.items():
        lines += [f"    {old or '[*]'} --> {new}" for new in sorted(following)]
    lines += [f"    {old} --> [*]" for old, following in changes.items() if not following]
    return "\n".join([*lines, "```"]) + "\n"


def drawn(page: str) -> str:
    """The page with its diagrams as the tables are now."""
    return filled(page, {name: diagram(changes) for name, changes in _TABLES.items()})
