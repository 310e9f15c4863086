"""A strict run does not pass over the pages because there is no browser."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BROWSING = "tests/acceptance/pages/test_browser.py::test_the_list_hears_of_what_begins"


@pytest.mark.parametrize("strict", ["1", ""])
def test_without_a_browser_a_strict_run_fails(tmp_path: Path, strict: str):
    environment = {**os.environ, "PATH": str(tmp_path), "PAVANE_STRICT": strict}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", BROWSING],
        cwd=Path(__file__).parents[3],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "There is no Chromium" in ended.stdout
    if strict:
        assert ended.returncode == 1
        assert "was skipped in a strict run" in ended.stdout
    else:
        assert ended.returncode == 0
        assert "SKIPPED [1]" in ended.stdout
