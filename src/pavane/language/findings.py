"""What is wrong with a workflow function, and where: gathered first, reported at once."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from pavane.language.source import Source


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the language refuses: place (1-based), the line itself, and a way out."""

    file: str
    line: int
    column: int
    text: str
    message: str
    remedy: str = ""

    @property
    def at(self) -> str:
        """The place as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        lines = [f"{self.at}: {self.message}"]
        if self.text:
            shown = self.text.rstrip()
            blank = "".join(c if c == "\t" else " " for c in shown[: self.column - 1])
            lines += [f"    {shown}", f"    {blank}^"]
        if self.remedy:
            lines.append(f"    {self.remedy}")
        return "\n".join(lines)


class Findings:
    """The findings of one compilation, each once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def add(self, source: Source, node: ast.AST, message: str, remedy: str = "") -> None:
        """Note a finding at a node of a source."""
        line, column = source.place(node)
        self._found[Finding(source.file, line, column, source.text(line), message, remedy)] = None

    def put(self, finding: Finding) -> None:
        """Note a finding that is already put in words."""
        self._found[finding] = None

    def keep(self) -> Callable[[], None]:
        """A way back to the findings as they are now."""
        kept = dict(self._found)

        def restore() -> None:
            self._found = kept

        return restore

    def sorted(self) -> tuple[Finding, ...]:
        """All findings by file and place."""
        return tuple(sorted(self._found, key=lambda f: (f.file, f.line, f.column)))

    def __bool__(self) -> bool:
        return bool(self._found)
