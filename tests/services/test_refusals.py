"""A server that cannot be had skips its tests, and fails them where a change is judged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dev.services import choosing, compose
from dev.services.given import VARIABLES
from dev.services.server import Unavailable
from tests.servers import refuse

ROOT = Path(__file__).parents[2]
SKIPS = 'import pytest\n\n\ndef test_it():\n    pytest.skip("not here")\n'


def test_here_it_is_skipped_with_the_reason():
    with pytest.raises(pytest.skip.Exception, match="no Java"):
        refuse(Unavailable("no Java"), judged=False)


def test_where_a_change_is_judged_it_has_failed():
    with pytest.raises(pytest.fail.Exception, match="no Java"):
        refuse(Unavailable("no Java"), judged=True)


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        folder,
        folder,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_wrong_url_fails_the_test_that_asks(tmp_path: Path):
    test = tmp_path / "test_one.py"
    test.write_text("def test_it(kafka_url):\n    raise AssertionError\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.servers"]\n')
    done = run(tmp_path, KAFKA_URL="kafka://127.0.0.1:1")
    assert done.returncode == 1
    assert "KAFKA_URL is kafka://127.0.0.1:1, and no kafka answers there" in done.stdout


@pytest.mark.parametrize(("accepted", "code"), [("", 1), ("{}::test_it", 0)])
def test_only_a_listed_skip_passes_a_strict_run(accepted: str, code: int, tmp_path: Path):
    test = tmp_path / "test_skips.py"
    test.write_text(SKIPS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    done = run(tmp_path, PAVANE_STRICT="1", PAVANE_ACCEPTED_SKIPS=accepted.format(test.name))
    assert done.returncode == code, done.stdout


def test_the_list_of_skips_is_empty():
    assert '\nexport PAVANE_ACCEPTED_SKIPS=""\n' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_compose_offers_each_kind_at_the_port_that_it_is_told():
    services = yaml.safe_load(compose.FILE.read_text("utf-8"))["services"]
    assert set(services) == set(choosing.KINDS) == set(VARIABLES)
    for kind, service in services.items():
        (port,) = service["ports"]
        assert port.startswith(f"127.0.0.1:${{{kind.upper()}_PORT:-")
