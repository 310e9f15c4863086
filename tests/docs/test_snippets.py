"""Every snippet in README and docs is real: Python parses, what is marked to run runs."""

import ast
import sys
from pathlib import Path

import pytest

from tests.docs.outcome import differs
from tests.docs.pages import ROOT, Block, blocks, console, pages
from tests.docs.running import run

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def marked(page: Path, language: str, word: str) -> list[Block]:
    """Return a page's blocks of one language that carry the word."""
    found = blocks(page.read_text("utf-8"))
    return [block for block in found if block.language == language and word in block.words]


@pytest.mark.parametrize("page", PAGES)
def test_python_parses(page: Path):
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python":
            # Blank lines before it make the parser's line numbers those of the page.
            ast.parse("\n" * block.line + block.text, str(page))


@pytest.mark.parametrize("page", PAGES)
def test_programs_run(page: Path, tmp_path: Path):
    parts = marked(page, "python", "run")
    if not parts:
        return
    program = tmp_path / f"{page.stem.replace('-', '_').lower()}_page.py"
    program.write_text("\n".join(block.text for block in parts), "utf-8")
    printed = run([sys.executable, program.name], tmp_path)
    if shown := "".join(block.text for block in marked(page, "text", "output")):
        difference = differs(shown, printed)
        assert not difference, f"{difference}\n\nprinted:\n{printed}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_run(page: Path):
    for block in marked(page, "console", "run"):
        for command, shown in console(block.text):
            printed = run(command, ROOT)
            difference = differs(shown, printed)
            assert not difference, f"$ {command}: {difference}\n\nprinted:\n{printed}"
