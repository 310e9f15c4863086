"""What has an effect has an undo, as long as something can still go wrong."""

from __future__ import annotations

from typing import Any

from pavane.core.check.projectable import check
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import fork, noop, sub, switch, terminate, workflow
from tests.unit.core.check.projectable.dance import (
    bare,
    caught,
    dance,
    does,
    each,
    found,
    look,
    part,
    pivot,
    sure,
)

DEADLINE: dict[str, Any] = {"timeout_seconds": 60, "timeout_policy": "TIME_OUT_WF"}


def blamed(*steps: Any, **fields: Any) -> list[str]:
    """The steps without an undo that they are blamed for."""
    texts = found(*steps, **fields)
    assert all("has an effect and no undo" in text for text in texts), texts
    return [text.partition(": it has")[0].rpartition("Step ")[2].strip("'") for text in texts]


def test_an_effect_in_front_of_a_step_that_can_fail():
    assert found(bare("reserve"), does("ship")) == [
        "Step 'reserve': it has an effect and no undo, and it may have to be undone: behind it "
        "'ship' can fail, and an operator may cancel; write `undo=` on it, `pivot=True` if there "
        "is no way back behind it, or `read_only=True` on its task if that has no effect."
    ]


def test_the_undo_that_the_task_names_is_suggested():
    (text,) = found(bare("a", policy={"undo": "un-a"}), does("b"))
    assert "write `undo=` (such as 'un-a') on it" in text


def test_the_last_step_needs_none():
    assert blamed(does("a"), bare("b")) == []
    assert blamed(bare("a"), sure("b"), sure("c")) == []
    assert blamed(look("a"), does("b")) == []
    assert blamed(bare("a", optional=True), does("b")) == ["a"]
    assert blamed(bare("a"), does("b", optional=True)) == []


def test_an_item_beside_others():
    assert blamed(each("e")) == []
    (text,) = found(each("e", undo=False))
    assert text.startswith(
        "Step 'e': it has an effect and no undo, and it may have to be undone: another of its "
        "branches can fail, and an operator may cancel; "
    )
    assert blamed(each("e", undo=False, retriable=True)) == []
    assert blamed(each("e", undo=False, retriable=True), does("b")) == ["e"]
    assert blamed(each("e", undo=False, read_only=True), does("b")) == []
    assert blamed(bare("a"), each("e")) == ["a"]
    assert blamed(pivot(), each("e", undo=False, retriable=True)) == []


def test_a_retriable_step_has_effects_too():
    assert blamed(sure("a"), look("b")) == ["a"]
    given_up = bare("b", policy={"retriable": True}, retry_count=2)
    assert blamed(bare("a"), given_up) == ["a"]


def test_a_step_beside_it():
    assert blamed(fork("f", bare("a"), does("b"))) == ["a"]
    assert blamed(fork("f", bare("a"), does("b", policy={"retriable": True}))) == []
    assert blamed(fork("f", bare("a"), sure("b"))) == ["b"]  # beside `a`, which can fail
    assert blamed(fork("f", bare("a"), [noop("n"), terminate("t", "FAILED")])) == ["a"]


def test_what_can_never_come_behind_it():
    choice = switch("c", "${workflow.input.x}", one=bare("a"), two=does("b"))
    assert blamed(choice) == []
    ending = switch("c", "${workflow.input.x}", one=[bare("a"), terminate("t", "COMPLETED")])
    assert blamed(ending, does("b")) == []
    assert blamed(switch("c", "${workflow.input.x}", one=bare("a")), does("b")) == ["a"]


def test_a_deliberate_failure():
    (text,) = found(bare("a"), switch("c", "${a.output.x}", no=terminate("t", "FAILED")))
    assert "behind it 't' ends the run as FAILED" in text


def test_a_deadline():
    (text,) = found(bare("a"), **DEADLINE)
    assert "the deadline of 60 s may pass, and an operator may cancel" in text
    assert blamed(bare("a"), timeout_seconds=60) == []
    assert blamed(pivot(), sure("b"), **DEADLINE) == []


def test_behind_a_pivot_nothing_is_undone():
    assert blamed(does("a"), pivot(), sure("b"), sure("c")) == []
    assert blamed(bare("a"), pivot(), sure("b")) == ["a"]  # the pivot itself can fail
    assert blamed(bare("a"), pivot(policy={"retriable": True}), sure("b")) == []


def test_a_pivot_that_may_be_left_out_is_no_promise():
    choice = switch("c", "${workflow.input.x}", yes=pivot(policy={"retriable": True}))
    texts = found(choice, bare("a"), does("b"))
    assert [text for text in texts if "Step 'a': it has an effect" in text]


def test_scopes_around_it():
    (text,) = found(part("s", bare("a")), does("b"))
    assert text.startswith("In scope 's': Step 'a': it has an effect and no undo")
    assert "behind it 'b' can fail (in 'dance' around it)" in text
    assert blamed(part("s", bare("a"))) == []
    assert blamed(part("s", bare("a")), **DEADLINE) == ["a"]
    assert blamed(part("s", does("x"), pivot(policy={"retriable": True}), sure("a"))) == []
    assert blamed(part("s", part("t", bare("a"))), does("b")) == ["a"]


def test_a_scope_behind_it_that_can_fail():
    (text,) = found(bare("a"), part("s", look("y")))
    assert "behind it 's' can fail, because in it 'y' can fail, and an operator" in text
    assert blamed(bare("a"), part("s", sure("x"))) == []
    assert blamed(bare("a"), part("s", sure("x"), **DEADLINE)) == ["a", "x"]
    assert blamed(bare("a"), caught("s", look("y"))) == []


def test_in_an_orchestrated_scope_the_conductor_decides():
    assert blamed(does("z"), part("s", bare("a"), look("b"), style="orchestrated")) == []
    inner = part("s", bare("a"), look("b"), style="choreographed")
    assert len(list(check(workflow(inner)))) == 1
    inner = part("s", bare("a"), style="choreographed")
    assert len(list(check(workflow(inner, does("b"))))) == 1


def test_a_branch_that_may_lose():
    some = fork("f", bare("a"), sure("b"), join_count=1)
    (one, _) = found(*some)
    assert "its branch of 'f' may lose" in one
    assert blamed(*fork("f", does("a"), does("b"), join_count=1)) == []
    assert blamed(*fork("f", sure("a"), sure("b"), join_count=2)) == []


def test_a_join_of_some_fails_only_if_too_many_do():
    either = fork("f", does("b"), does("c", policy={"retriable": True}), join_count=1)
    assert blamed(bare("a"), *either) == []
    both = fork("f", does("b"), does("c"), join_count=1)
    (text,) = found(bare("a"), *both)
    assert "'f-join' fails if fewer than 1 of its 2 branches succeed" in text


def test_a_workflow_by_name_answers_for_itself_but_not_for_what_is_around_it():
    own = workflow(bare("a"), look("b"), name="own", style="choreographed")
    assert blamed(sub("s", "own"), known=[own]) == []
    last = workflow(bare("a"), name="own", style="choreographed")
    (text,) = found(sub("s", "own"), look("b"), known=[last])
    assert text.startswith("In workflow 'own': Step 'a'")


def test_an_undo_is_not_undone():
    undo = Undo(name="u", task_definition=TaskDefinition(undo="redo"))
    (text,) = found(does("a", undo=undo))
    assert text.startswith("Step 'a': its undo 'u' has an undo of its own ('redo')")
    (text,) = found(does("a", undo=Undo(name="b")), pivot("b"))
    assert text.startswith("Step 'a': its undo 'b' is also the step 'b', which has `pivot`")
    once = Undo(name="u", task_definition=TaskDefinition(retry_count=0))
    assert found(does("a", undo=once)) == []


def test_a_long_workflow_is_checked_quickly():
    steps: list[Step] = [does(f"s{number}") for number in range(3000)]
    assert list(check(dance(*steps, bare("last")))) == []
