"""`pavane diff` of files and applications, without a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pavane.doors.cli.diff import command
from pavane.errors import PavaneError, UsageError
from tests.unit.core.build import task, workflow


def written(folder: Path, name: str, *refs: str) -> str:
    import msgspec

    path = folder / name
    path.write_bytes(msgspec.json.encode(workflow([task(ref) for ref in refs], name="w")))
    return str(path)


def test_files(tmp_path: Path):
    old, new = written(tmp_path, "a.json", "a", "b"), written(tmp_path, "b.json", "a")
    ended = CliRunner().invoke(command, [old, new], catch_exceptions=False)
    assert ended.output.splitlines()[2:] == [
        "- b: task is gone",
        "    Executions in which it has begun cannot be moved any more. The others go past it.",
    ]
    told = json.loads(CliRunner().invoke(command, [old, new, "--json"]).output)
    assert (told["workflow"], told["standing"]) == ("w", None)
    assert told["before"]["definition"] != told["after"]["definition"]
    assert [(each["kind"], each["step"]) for each in told["changes"]] == [("removed", "b")]


def test_what_cannot_be_read(tmp_path: Path):
    fine, bad = written(tmp_path, "a.json", "a"), written(tmp_path, "b.json", "a", "a")
    for target, error in [
        ("nowhere.json", UsageError),
        ("w@1", UsageError),
        ("nowhere.py", UsageError),
        (bad, PavaneError),
    ]:
        with pytest.raises(error):
            CliRunner().invoke(command, [fine, target], catch_exceptions=False)
