"""The example's own tests pass, run as a user would: in its folder, without our settings."""

import os
import subprocess
import sys
from pathlib import Path

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def test_the_shop_passes_its_own_tests():
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
        cwd=SHOP,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_imports_only_public_names():
    lines = [line for path in SHOP.glob("*.py") for line in path.read_text().splitlines()]
    ours = {line for line in lines if line.startswith(("import pavane", "from pavane"))}
    assert ours <= {
        "from pavane import Fail, Service, TaskContext, gather, workflow",
        "from pavane import Fail",
        "from pavane import Fail, gather, scope, workflow",
        "from pavane.testing import play",
        "from pavane.errors import ExecutionFailedError",
    }
