"""The public names: each imports, each is typed, and the import itself stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pavane

HEAVY = ("apsw", "asyncio", "click", "rich", "starlette", "uvicorn", "msgspec")

INIT = Path(str(pavane.__file__))


@pytest.mark.parametrize("name", pavane.__all__)
def test_every_public_name_imports(name: str):
    assert getattr(pavane, name).__name__ == name


def test_every_public_name_is_listed_once_sorted_and_typed():
    tree = ast.parse(INIT.read_text("utf-8"))
    for_types = next(n for n in tree.body if isinstance(n, ast.If))
    typed = {
        (alias.name, node.module)
        for node in ast.walk(for_types)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(pavane._HOME.items())
    assert sorted(pavane.__all__) == pavane.__all__ == sorted(name for name, _ in typed)
    assert set(pavane.__all__) <= set(dir(pavane))


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pavane.nonsense  # pyright: ignore[reportAttributeAccessIssue] - wrong on purpose


def test_import_pavane_is_light():
    program = "import sys, pavane; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "pavane" in loaded
    assert not loaded & set(HEAVY)
