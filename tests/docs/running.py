"""Runs what a page shows, as a reader would: in a shell, with the project's own environment."""

import os
import subprocess
import sys
from pathlib import Path

LIMIT_S = 180.0


def run(command: list[str] | str, folder: Path) -> str:
    """Run a command (text goes through the shell) and return what it printed; it must exit 0."""
    binaries = str(Path(sys.executable).parent)
    # Nothing of this test run may show through: not its strictness, not make's own variables.
    ours = ("PAVANE_", "PYTEST_", "MAKE", "MFLAGS", "ARGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env={**kept, "PATH": f"{binaries}{os.pathsep}{kept.get('PATH', '')}", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command!r} ended with exit {done.returncode}:\n{done.stdout}"
    return done.stdout
