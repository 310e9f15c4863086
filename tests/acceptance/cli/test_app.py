"""What an application may be, and what is said when it does not load."""

from pathlib import Path

from tests.acceptance.cli.processes import SHOP, done, pavane, refused

APP = """
from pavane import Service, workflow

greeter = Service("greeter")

@greeter.task
async def greet(name: str) -> str:
    return f"Good day, {name}"

@workflow
async def hello(name: str) -> str:
    greeting = await greet(name)
    return greeting
"""


def test_a_file_a_module_and_a_name_in_it(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    for target in ("app.py", "app", "./app.py", "app.py:hello", "app:hello"):
        assert "no findings" in done(tmp_path, "check", target)
    assert '"name": "hello"' in done(tmp_path, "compile", "app.py:hello")
    assert done(tmp_path, "check", str(SHOP)) == "1 workflow, 8 tasks: no findings"


def test_it_may_import_what_lies_beside_it(tmp_path: Path):
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "words.py").write_text("GREETING = 'Good day'\n")
    (folder / "app.py").write_text("import words\n" + APP)
    assert "no findings" in done(tmp_path, "check", "deep/app.py")


def test_what_does_not_load_is_told_with_its_place(tmp_path: Path):
    (tmp_path / "broken.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "lost.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "fails.py").write_text("\n\nraise RuntimeError('no config')\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "app.py").write_text(APP)
    assert "broken.py:2" in refused(tmp_path, 1, "check", "broken.py")
    said = refused(tmp_path, 1, "check", "lost.py")
    assert "lost.py:1" in said
    assert "nowhere_to_be_found" in said
    said = refused(tmp_path, 1, "run", "fails.py")
    assert "fails.py:3" in said
    assert "RuntimeError: no config" in said
    assert "no service and no workflow" in refused(tmp_path, 2, "run", "empty.py")
    assert "There is no file 'nope.py'" in refused(tmp_path, 2, "run", "nope.py")
    assert "There is no module 'nope'" in refused(tmp_path, 2, "check", "nope")
    assert "no workflow or service 'bye'" in refused(tmp_path, 2, "check", "app.py:bye")
    assert "no service 'porter'" in refused(tmp_path, 2, "run", "app.py", "--service", "porter")


def test_check_finds_everything_at_once(tmp_path: Path):
    (tmp_path / "app.py").write_text(
        APP
        + """
@workflow
async def forgetful(name: str) -> str:
    greet(name)
    again = await greet(nme)
    return again

@workflow
async def impatient(name: str) -> str:
    import time
    time.sleep(1)
    return name
"""
    )
    ended = pavane(tmp_path, "check", "app.py")
    assert ended.returncode == 1
    assert ended.stderr == ""
    for word in ("app.py:17:5", "app.py:18", "app.py:23", "did you forget `await`?"):
        assert word in ended.stdout
    assert "3 workflows, 1 task:" in ended.stdout


def test_a_ledger_that_nobody_needs_is_refused(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    said = refused(tmp_path, 2, "run", "app.py", "--ledger", "sqlite:///l.db")
    assert "needs a ledger" in said
    assert "Leave --ledger out" in said
    assert not (tmp_path / "l.db").exists()
