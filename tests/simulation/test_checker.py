"""The checker believes stories that are right, and refuses each that is wrong in one way."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.checker.judge import judge
from tests.simulation.story import Execution, Story, step, task, undoable

FORK = [
    step("FORK_JOIN", "f", forkTasks=[[undoable("p")], [undoable("q")]]),
    step("JOIN", "j", joinOn=["p", "q"]),
    task("z"),
]


def line(story: Story) -> Execution:
    """`a` and `b` are done, `c` fails for good, and the way back has begun."""
    run = story.begin("run", undoable("a"), undoable("b"), task("c"))
    run.done("a").done("b").fail("c", status="FAILED_WITH_TERMINAL_ERROR")
    return run.status("COMPENSATING")


def straight(story: Story) -> None:
    story.begin("run", task("a"), task("b")).done("a").done("b").status("COMPLETED")


def back(story: Story) -> None:
    line(story).done("undo:b").done("undo:a").status("COMPENSATED")


def forked(story: Story) -> None:
    run = story.begin("run", *FORK).tell("scheduled", "j").tell("completed", "f")
    run.done("p").done("q").tell("completed", "j").done("z").status("COMPLETED")


def scoped(story: Story) -> None:
    run = story.begin("run", step("SUB_WORKFLOW", "s"), task("z")).tell("scheduled", "s")
    run.rows["s", 0]["child_id"] = "in"
    child = story.begin("in", undoable("a"), parent=("run", "s#0"))
    child.done("a").status("COMPLETED")
    run.tell("completed", "s").fail("z", status="FAILED_WITH_TERMINAL_ERROR")
    run.status("COMPENSATING").tell("scheduled", "undo:s")
    child.header["cause"] = "UNDO"
    child.status("COMPENSATING").done("undo:a").status("COMPENSATED")
    run.tell("completed", "undo:s").status("COMPENSATED")


@pytest.mark.parametrize("tell", [straight, back, forked, scoped])
def test_a_right_story_is_believed(tell: Callable[[Story], None]):
    story = Story()
    tell(story)
    assert judge(story.trace()) == []


# --- stories that are wrong in one way ----------------------------------------------------------


def before_its_cause(story: Story) -> None:
    story.begin("run", task("a"), task("b")).done("b").done("a").status("COMPLETED")


def before_its_fork(story: Story) -> None:
    run = story.begin("run", *FORK).done("p").tell("scheduled", "j").tell("completed", "f")
    run.done("q").tell("completed", "j").done("z").status("COMPLETED")


def in_the_case_not_chosen(story: Story) -> None:
    cases = {"1": [task("a")], "2": [task("b")]}
    run = story.begin("run", step("SWITCH", "s", decisionCases=cases)).tell("completed", "s")
    run.rows["s", 0]["output"] = {"selectedCase": "1"}
    run.done("b").status("COMPLETED")


def completed_twice(story: Story) -> None:
    run = story.begin("run", task("a")).done("a")
    run.tell("completed", "a").status("COMPLETED")


def opened_twice(story: Story) -> None:
    story.begin("run", task("a")).tell("scheduled", "a").done("a").status("COMPLETED")


def skips_an_attempt(story: Story) -> None:
    story.begin("run", task("a")).fail("a").done("a", 2).status("COMPLETED")


def too_many_retries(story: Story) -> None:
    story.begin("run", task("a")).fail("a").fail("a", 1).done("a", 2).status("COMPLETED")


def retries_what_is_final(story: Story) -> None:
    run = story.begin("run", task("a")).fail("a", status="FAILED_WITH_TERMINAL_ERROR")
    run.done("a", 1).status("COMPLETED")


def joins_too_early(story: Story) -> None:
    run = story.begin("run", *FORK).tell("scheduled", "j").tell("completed", "f").done("p")
    run.tell("completed", "j").done("q").done("z").status("COMPLETED")


def stands(story: Story) -> None:
    line(story).done("undo:b").status("COMPENSATED")


def undone_forwards(story: Story) -> None:
    line(story).done("undo:a").done("undo:b").status("COMPENSATED")


def undone_before_frozen(story: Story) -> None:
    run = story.begin("run", undoable("a"), task("c")).done("a")
    run.tell("scheduled", "c").call("c").done("undo:a").tell("completed", "c").answered("c")
    run.status("COMPENSATING").status("COMPENSATED")


def undo_beside_open_work(story: Story) -> None:
    run = story.begin("run", *FORK).tell("scheduled", "j").tell("completed", "f").done("p")
    run.tell("scheduled", "q").call("q").status("COMPENSATING").tell(
        "settled", "j", status="CANCELED"
    )
    run.done("undo:p").tell("settled", "q", status="COMPLETED").answered("q")
    run.done("undo:q").status("COMPENSATED")


def begins_after_freezing(story: Story) -> None:
    run = line(story)
    run.done("undo:b").done("undo:a").tell("scheduled", "c", 1).tell("canceled", "c", 1)
    run.status("COMPENSATED")


def behind_the_pivot(story: Story) -> None:
    run = story.begin("run", undoable("a"), task("b", pivot=True), task("c")).done("a").done("b")
    run.fail("c", status="FAILED_WITH_TERMINAL_ERROR").status("COMPENSATING")
    run.done("undo:a").status("COMPENSATED")


def ends_with_open_work(story: Story) -> None:
    run = story.begin("run", task("a"), task("b")).done("a").tell("scheduled", "b")
    run.status("COMPLETED")


def never_ends(story: Story) -> None:
    story.begin("run", task("a")).tell("scheduled", "a").tell("started", "a", worker="x")


def wrong_status(story: Story) -> None:
    run = story.begin("run", task("a")).done("a").status("COMPLETED")
    run.header["status"] = "FAILED"


def jumps(story: Story) -> None:
    story.begin("run", task("a")).done("a").status("COMPENSATED")


def lost_report(story: Story) -> None:
    run = story.begin("run", task("a"), task("b")).done("a").done("b").status("COMPLETED")
    run.log = [entry for entry in run.log if entry[2][0].get("ref") != "b"]
    run.rows.pop(("b", 0))


def lost_start(story: Story) -> None:
    straight(story)
    story.actions.append({"action": "start", "id": "gone", "key": "k", "answer": "ok"})


def told_too_early(story: Story) -> None:
    straight(story)
    story.actions.append({"action": "waited", "id": "run", "answer": "FAILED"})


def two_for_one_key(story: Story) -> None:
    straight(story)
    story.actions.append({"action": "wait", "id": "run", "ids": ["run", "other"]})


def invented(story: Story) -> None:
    straight(story)
    story.record = [seen for seen in story.record if seen.ref != "b" or seen.kind != "report"]


def called_without_lease(story: Story) -> None:
    straight(story)
    story.record.insert(0, story.record[0])


def believed_twice(story: Story) -> None:
    straight(story)
    story.record.append(story.record[-1])


def child_goes_on(story: Story) -> None:
    run = story.begin("run", step("SUB_WORKFLOW", "s")).tell("scheduled", "s")
    run.rows["s", 0]["child_id"] = "in"
    story.begin("in", undoable("a"), parent=("run", "s#0")).tell("scheduled", "a")
    run.tell("canceled", "s").status("TERMINATED")


def child_not_undone(story: Story) -> None:
    run = story.begin("run", step("SUB_WORKFLOW", "s"), task("z")).tell("scheduled", "s")
    run.rows["s", 0]["child_id"] = "in"
    story.begin("in", undoable("a"), parent=("run", "s#0")).done("a").status("COMPLETED")
    run.tell("completed", "s").fail("z", status="FAILED_WITH_TERMINAL_ERROR").status("FAILED")


def timed_out_early(story: Story) -> None:
    run = story.begin("run", task("a")).tell("scheduled", "a").call("a", 0, "HANG")
    run.tell("failed", "a", status="TIMED_OUT", reason="response timeout").status("TIMED_OUT")


def waited_for_the_dead(story: Story) -> None:
    run = story.begin("run", task("a")).tell("scheduled", "a").call("a", 0, "HANG")
    story.notes.append((story.now, "crash committed"))
    story.later(3_600_000)
    run.tell("failed", "a", status="TIMED_OUT", reason="response timeout").status("TIMED_OUT")


WRONG = [
    (before_its_cause, "begins before its cause"),
    (before_its_fork, "begins before its cause"),
    (in_the_case_not_chosen, "begins before its cause"),
    (completed_twice, "completed when it was completed"),
    (opened_twice, "opened twice"),
    (skips_an_attempt, "follows #0"),
    (too_many_retries, "more retries than 1"),
    (retries_what_is_final, "tries again what failed for good"),
    (joins_too_early, "completed before q, which it joins"),
    (stands, "a stands, though the run is COMPENSATED"),
    (undone_forwards, "was undone before"),
    (undone_before_frozen, "not frozen"),
    (undo_beside_open_work, "begins while q is still started"),
    (begins_after_freezing, "begins although the run is COMPENSATING"),
    (behind_the_pivot, "behind the pivot"),
    (ends_with_open_work, "it ended COMPLETED with open"),
    (never_ends, "stuck"),
    (wrong_status, "the log ends COMPLETED, the header FAILED"),
    (jumps, "status RUNNING became COMPENSATED"),
    (lost_report, "its report was acknowledged, and then lost"),
    (lost_start, "is lost"),
    (told_too_early, "was told to be FAILED"),
    (two_for_one_key, "one key, several executions"),
    (invented, "nobody reported that"),
    (called_without_lease, "called 2 times, leased 1"),
    (believed_twice, "2 final reports were taken"),
    (child_goes_on, "though its parent is TERMINATED"),
    (child_not_undone, "a stands, though the run is COMPLETED"),
    (timed_out_early, "timed out (response) early"),
    (waited_for_the_dead, "waited for a dead process"),
]


@pytest.mark.parametrize(("tell", "words"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_story_is_refused(tell: Callable[[Story], None], words: str):
    story = Story()
    tell(story)
    found = judge(story.trace())
    assert any(words in fault for fault in found), found


@pytest.mark.parametrize("counter", ["open", "seq", "undoable"])
def test_a_wrong_counter_is_found(counter: str):
    story = Story()
    forked(story)
    trace = story.trace()
    trace.executions["run"].header[counter] += 1
    assert any(f"header.{counter}" in fault for fault in judge(trace))


def test_a_lost_ready_row_is_found():
    story = Story()
    never_ends(story)
    trace = story.trace()
    trace.executions["run"].ready.clear()
    assert any("ready rows []" in fault for fault in judge(trace))


def test_the_checker_shares_no_code_with_the_product():
    for file in sorted((Path(__file__).parent / "checker").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            assert not [name for name in names if name.startswith("pavane")], file.name
