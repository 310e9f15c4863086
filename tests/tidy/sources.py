"""The files that the tidy rules read, and the shape of what they find."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, order=True)
class Finding:
    """One breach of one rule: where it is and what it says."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


@dataclass(frozen=True)
class Source:
    """A text file of the project: its path from the root, and what stands in it."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.path, line, rule, text)


@cache
def all_files() -> tuple[Source, ...]:
    """Every text file that is in the repository or would be added to it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    sources: list[Source] = []
    for name in sorted(set(filter(None, listed.split("\0")))):
        try:
            sources.append(Source(name, (ROOT / name).read_text("utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture, or a file on its way out
    return tuple(sources)


def python_files(under: str = "") -> tuple[Source, ...]:
    """The Python files below a folder ("" is the whole project)."""
    return tuple(s for s in all_files() if s.path.endswith(".py") and s.path.startswith(under))
