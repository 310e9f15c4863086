"""The examples' own tests pass, run as a user would: in their folders, without our settings."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TESTED = sorted({path.parent.name for path in EXAMPLES.glob("*/test_*.py")})
FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if [*path.glob("*.py")])

ON_POSTGRES = {"bank"}


def test_each_example_has_tests_and_a_page():
    assert TESTED == FOLDERS
    assert all((EXAMPLES / name / "README.md").exists() for name in FOLDERS)


@pytest.mark.parametrize("name", TESTED)
def test_it_passes_its_own_tests(name: str, request: pytest.FixtureRequest):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if name in ON_POSTGRES:
        env["POSTGRES_URL"] = request.getfixturevalue("postgres_url")
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            os.devnull,
            "--rootdir",
            ".",
            "-p",
            "no:cacheprovider",
        ],
        cwd=EXAMPLES / name,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "skipped" not in ended.stdout


@pytest.mark.parametrize("name", FOLDERS)
def test_it_imports_only_public_names(name: str):
    """From the few modules that pages name, and nothing by its inner address."""
    homes = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for path in (EXAMPLES / name).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {home for home in homes if home and home.partition(".")[0] == "pavane"}
    assert ours <= {"pavane", "pavane.bootstrap", "pavane.errors", "pavane.testing"}
