"""`pavane start` with keys, strategies and priorities."""

from pathlib import Path

from tests.acceptance.cli.processes import done, refused
from tests.acceptance.cli.test_app import APP


def test_strategies_of_a_key(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    hello = ("start", "hello", "--input", '{"name": "Byrd"}')
    once = (*hello, "--key", "k", "--app", "app.py", "--wait")
    first = done(tmp_path, *once).split()[0]
    assert done(tmp_path, *hello, "--key", "k") == first
    assert first in refused(tmp_path, 1, *hello, "--key", "k", "--if-exists", "fail")
    unless_running = (*hello, "--key", "k", "--if-exists", "fail-if-running", "--priority", "7")
    second = done(tmp_path, *unless_running)
    assert second != first
    said = refused(tmp_path, 1, *unless_running)
    assert second in said
    assert "RUNNING" in said
    shown = done(tmp_path, "show", second, "--json")
    assert '"priority":7' in shown.replace(" ", "")


def test_what_says_nothing(tmp_path: Path):
    said = refused(tmp_path, 2, "start", "hello", "--if-exists", "fail")
    assert "Add --key" in said
    assert "0 to 99" in refused(tmp_path, 2, "start", "hello", "--priority", "100")
