"""The layers hold, and the contracts that keep them bite when somebody breaks one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT, python_files


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the project's contracts over the package below `source`."""
    program = Path(sys.executable).with_name("lint-imports")
    config = ROOT / "pyproject.toml"
    return subprocess.run(
        [program, "--no-logo", "--no-cache", "--config", config],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )


BREACHES = [
    ("surprise/__init__.py", "", "Doors call the engine"),
    ("core/surprise/__init__.py", "", "Inside the core"),
    ("core/model/surprise.py", "import time", "The core and the language do no I/O"),
    ("core/model/surprise.py", "import random", "The core and the language do no I/O"),
    ("core/model/surprise.py", "from os import path", "The core and the language do no I/O"),
    ("core/model/surprise.py", "import pavane.ports.store", "Doors call the engine"),
    ("core/model/surprise.py", "import pavane.core.expressions", "Inside the core"),
    ("language/surprise.py", "import asyncio", "The core and the language do no I/O"),
    ("engine/surprise.py", "import apsw", "The engine, the participant"),
    ("engine/surprise.py", "import pavane.adapters.memory", "Doors call the engine"),
    ("sdk/surprise.py", "import pavane.adapters.memory", "Doors call the engine"),
    ("doors/surprise.py", "import pavane.adapters.memory", "Doors do not know adapters"),
]


@pytest.mark.parametrize(("file", "text", "contract"), BREACHES)
def test_a_breach_is_found(file: str, text: str, contract: str, tmp_path: Path):
    ignore = shutil.ignore_patterns("__pycache__")
    package = shutil.copytree(ROOT / "src" / "pavane", tmp_path / "pavane", ignore=ignore)
    surprise = package / file
    surprise.parent.mkdir(parents=True, exist_ok=True)
    surprise.write_text(f'"""A surprise."""\n{text}\n', "utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    # Long names are broken over lines at the terminal's width.
    assert f"{contract}" in " ".join(done.stdout.split("Broken contracts")[1].split())


def test_every_folder_is_a_package():
    """A folder without `__init__.py` would escape the layers unseen."""
    paths = {source.path for source in python_files("src/pavane/")}
    folders = {str(Path(path).parent) for path in paths}
    above = {str(p) for folder in folders for p in Path(folder).parents} - {"src", "."}
    lacking = sorted(f for f in folders | above if f"{f}/__init__.py" not in paths)
    assert lacking == []


def test_the_layers_hold():
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout
