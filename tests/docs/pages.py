"""Markdown pages as the blocks that a reader could paste, so that a test can paste them too.

How a page says what is to be run (the words after the fence's language):

- ` ```sh ` on the README's first screen: each line is a command and must end with exit 0.
- ` ```text ` right after it: what the commands print. `…` alone on a line stands for any lines,
  inside a line for any words; times, rates and ids may differ.
- ` ```python run `: all such blocks of one page are one program, run in an empty folder.
- ` ```text output `: what that program prints, compared in the same way.
- ` ```console run `: lines that start with `$ ` are commands, the lines below each what it prints.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words after it, its text and its line on the page."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int


def pages() -> list[Path]:
    """Every page that users read: README, CONTRIBUTING and what lies in docs/."""
    top = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return [page for page in [*top, *sorted((ROOT / "docs").rglob("*.md"))] if page.exists()]


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of a page, in its order."""
    found: list[Block] = []
    for match in _FENCE.finditer(markdown):
        words = match["info"].split()
        indent = len(match["indent"])
        text = "".join(line[indent:] for line in match["body"].splitlines(keepends=True))
        line = markdown.count("\n", 0, match.start("body")) + 1
        found.append(Block(words[0] if words else "", tuple(words[1:]), text, line))
    return found


def first_screen(markdown: str) -> tuple[list[str], str | None]:
    """Return the commands of the page's first `sh` block, and the `text` block after it if any."""
    found = blocks(markdown)
    for index, block in enumerate(found):
        if block.language == "sh":
            commands = [line.strip() for line in block.text.splitlines()]
            after = found[index + 1] if index + 1 < len(found) else None
            shown = after.text if after is not None and after.language == "text" else None
            return [c for c in commands if c and not c.startswith("#")], shown
    raise AssertionError("the page has no `sh` block to begin with")


def console(text: str) -> list[tuple[str, str]]:
    """Split a console block into its commands and what each one prints."""
    steps: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        elif steps:
            command, printed = steps.pop()
            steps.append((command, f"{printed}{line}\n"))
    return steps
