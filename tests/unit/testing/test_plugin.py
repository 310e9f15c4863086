"""The pytest plugin, as a project of somebody else's meets it."""

from __future__ import annotations

import textwrap

import pytest

# A run within this run forgets what it has imported itself, so it had better be known before.
import pavane.sdk.application.checking
import pavane.sdk.application.loading
import pavane.sdk.embedded
import pavane.sdk.workflow
import pavane.testing.playing  # noqa: F401  # all only to be known

pytest_plugins = ["pytester"]

SHOP = """
    from pavane import Service, workflow

    stock = Service("stock")

    @stock.task
    async def reserve(item: str) -> str:
        return item

    @workflow
    async def sell(item: str) -> str:
        return await reserve(item)
    """
WRONG = """
    @workflow
    async def lend(item: str) -> str:
        reserve(item)
        print(item)
        return item
    """


def _write(pytester: pytest.Pytester, name: str, *parts: str) -> None:
    text = "\n".join(textwrap.dedent(part) for part in parts)
    (pytester.path / name).write_text(text.lstrip("\n"))


def test_it_does_nothing_until_an_application_is_named(pytester: pytest.Pytester) -> None:
    _write(pytester, "stall.py", SHOP, WRONG)
    _write(pytester, "test_one.py", "def test_one(): ...")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_what_is_right_passes_as_one_test_for_each_part(pytester: pytest.Pytester) -> None:
    _write(pytester, "stall.py", SHOP)
    result = pytester.runpytest_inprocess("--pavane", "stall.py", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["stall.py::services PASSED*", "stall.py::sell PASSED*"])


def test_a_finding_points_at_its_line_and_the_summary_says_it(pytester: pytest.Pytester) -> None:
    _write(pytester, "stall.py", SHOP, WRONG)
    _write(pytester, "test_one.py", "def test_one(): ...")
    result = pytester.runpytest_inprocess("--pavane", "stall.py")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*stall.py:16:5: this expression has no effect in a workflow: did you forget `await`?",
            "    *reserve(item)",
            "    Write `await reserve(item)`.",
            "*stall.py:17:5: *",
            "FAILED stall.py::lend - this expression has no effect in a workflow: did yo*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "compiler.py" not in result.stdout.str()


def test_the_configuration_names_what_every_whole_run_checks(pytester: pytest.Pytester) -> None:
    _write(pytester, "stall.py", SHOP, WRONG)
    _write(pytester, "test_one.py", "def test_one(): ...")
    pytester.makeini("[pytest]\npavane_apps =\n    stall.py\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=3, failed=1)
    pytester.runpytest_inprocess("test_one.py").assert_outcomes(passed=1)
    pytester.runpytest_inprocess("-k", "lend").assert_outcomes(failed=1, deselected=3)


def test_one_workflow_of_an_application_can_be_named(pytester: pytest.Pytester) -> None:
    _write(pytester, "stall.py", SHOP, WRONG)
    pytester.runpytest_inprocess("--pavane", "stall.py:sell").assert_outcomes(passed=1)


def test_an_application_that_does_not_load_fails_and_the_rest_runs(
    pytester: pytest.Pytester,
) -> None:
    _write(pytester, "stall.py", SHOP, "raise RuntimeError('no such shop')")
    _write(pytester, "test_one.py", "def test_one(): ...")
    result = pytester.runpytest_inprocess("--pavane", "stall.py", "--pavane", "away.py")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*stall.py:13: RuntimeError: no such shop (while 'stall.py' was loaded).*",
            "FAILED stall.py::loads - RuntimeError: no such shop*",
            "FAILED away.py::loads - There is no file 'away.py'.*",
        ]
    )


def test_wrong_tasks_are_found_with_the_services(pytester: pytest.Pytester) -> None:
    wrong = """
        @stock.task
        async def take(*things: int) -> int:
            return len(things)
        """
    _write(pytester, "stall.py", SHOP, wrong)
    result = pytester.runpytest_inprocess("--pavane", "stall.py")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED stall.py::services - take (stall.py:14) takes [*]things*"])


def test_a_workflow_refused_within_a_test_shows_the_test_and_not_the_compiler(
    pytester: pytest.Pytester,
) -> None:
    _write(pytester, "stall.py", SHOP, WRONG)
    _write(
        pytester,
        "test_lend.py",
        """
        from pavane.testing import play
        from stall import lend

        def test_lend():
            play(lend, {"item": "lute"}, results={})
        """,
    )
    result = pytester.runpytest_inprocess("--tb=short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["test_lend.py:5: in test_lend", "*stall.py:16:5: this expression has no effect*"]
    )
    for inner in ("compiler.py", "playing.py"):
        assert inner not in result.stdout.str()
