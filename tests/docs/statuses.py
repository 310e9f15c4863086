"""Draws docs/reference/statuses.md from the tables of the core: `python -m tests.docs.statuses`.

Only what stands between the markers is drawn; the prose around it is written by people.
"""

from collections.abc import Mapping

from pavane.core.model import status
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
    for name, changes in _TABLES.items():
        begin, end = f"<!-- drawn: {name} -->\n", "<!-- end -->"
        before, found, rest = page.partition(begin)
        assert found, f"the page has no place for {name}"
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{diagram(changes)}{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text("utf-8")), "utf-8")
