"""FORK_JOIN_DYNAMIC: as many branches as its input says, in each of the three forms."""

from __future__ import annotations

from pavane.core.check import check_workflow
from tests.unit.core.build import (
    fan,
    fork,
    loop,
    once,
    scope,
    switch,
    task,
    terminate,
    workflow,
)
from tests.unit.core.fanning import TAKEN_BACK, begun, listed, refused
from tests.unit.core.world import World

# --- the simple form ----------------------------------------------------------------------------


def test_one_branch_for_each_item():
    shown = task("z", inputs={"all": "${f-join.output}", "one": "${f-join.output._t_1.x}"})
    items = [{"n": 5}, "text", {"n": 7}]
    run = begun(*fan("f", items), shown)
    assert run.open == {"_t_0", "_t_1", "_t_2", "f-join"}
    assert (run.row("f").status, run.row("f").count) == ("COMPLETED", 3)
    assert run.input("_t_0") == {"n": 5, "__index": 0}
    assert run.input("_t_1") == {"input": "text", "__index": 1}
    assert run.input("f")["forkedTasks"] == ["_t_0", "_t_1", "_t_2"]
    assert run.input("f-join") == {"joinOn": ["_t_0", "_t_1", "_t_2"]}
    assert {run.row(f"_t_{i}").name for i in range(3)} == {"t"}
    run.complete("_t_1", x=1)
    run.complete("_t_2", "_t_0", x=2)
    assert run.input("z") == {
        "all": {"_t_0": {"x": 2}, "_t_1": {"x": 1}, "_t_2": {"x": 2}},
        "one": 1,
    }


def test_an_empty_list_goes_on_at_once():
    run = begun(*fan("f", "${workflow.input.xs}"), task("z"), given={"xs": []})
    assert run.open == {"z"}
    assert run.row("f-join").status == "COMPLETED"


def test_names_without_a_name_and_of_a_second_fork():
    first, second = fan("f", [1], inputs={"forkTaskName": None}), fan("g", [1])
    run = begun(*first, *second, f=once())
    assert run.row("_f_0").name == "f"
    run.complete("_f_0")
    assert run.row("_g_t_0").name == "t"
    run.complete("_g_t_0")
    assert run.status == "COMPLETED"


def test_other_types_take_their_fields_from_the_item():
    items = [{"evaluatorType": "pavane", "expression": "n + 1", "n": n} for n in (1, 2)]
    inputs = {"forkTaskType": "INLINE", "forkTaskName": None}
    run = begun(*fan("f", items, inputs=inputs), task("z", inputs={"all": "${f-join.output}"}))
    assert run.input("z") == {"all": {"_INLINE_0": {"result": 2}, "_INLINE_1": {"result": 3}}}


def test_workflows_side_by_side():
    inner = workflow(
        task("a", inputs={"n": "${workflow.input.n}"}),
        name="inner",
        output_parameters={"n": "${a.input.n}"},
    )
    made = workflow(
        *fan("f", [{"n": 1}, {"n": 2}], inputs={"forkTaskWorkflow": "inner"}),
        output_parameters={"all": "${f-join.output}"},
    )
    run = World(inner).start(made)
    assert run.row("_t_1").type == "SUB_WORKFLOW"
    for ref in ("_t_0", "_t_1"):
        run.child(ref).complete("a")
    assert run.output == {"all": {"_t_0": {"n": 1}, "_t_1": {"n": 2}}}


# --- lists of steps -----------------------------------------------------------------------------


def test_each_branch_is_a_step_of_its_own():
    steps = [
        {"name": "t", "taskReferenceName": "a", "inputParameters": {"k": "${workflow.input.k}"}},
        {"name": "w", "taskReferenceName": "w", "type": "WAIT"},
        {"name": "inner", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
        | {"subWorkflowParam": {"name": "inner"}},
    ]
    made = workflow(*listed(*steps, inputs={"a": "${workflow.input.a}"}), task("z"))
    assert check_workflow(made) == []
    run = World(workflow(task("i"), name="inner"), tasks={"t": once()}).start(
        made, k=3, a={"n": "${not.read}"}
    )
    assert run.open == {"a", "w", "s", "f-join"}
    assert run.input("a") == {"k": 3, "n": "${not.read}"}
    run.complete("a")
    run.signal("w")
    run.child("s").complete("i")
    assert run.open == {"z"}


def test_options_of_a_branch_are_its_own():
    steps = [
        {"name": "t", "taskReferenceName": "a", "optional": True},
        {"name": "t", "taskReferenceName": "b", "retryCount": 1},
    ]
    run = begun(*listed(*steps), task("z"))
    run.fail("a")
    run.fail("b")
    run.world.pass_time(60)
    run.complete("b")
    assert run.attempts("b") == ["FAILED", "COMPLETED"]
    assert run.row("f-join").status == "COMPLETED_WITH_ERRORS"
    assert run.open == {"z"}


def test_the_form_of_old():
    tasks = [
        {"taskName": "t", "referenceName": "a", "input": {"n": 1}},
        {"taskName": "w", "referenceName": "b", "type": "WAIT"},
    ]
    run = begun(*fan("f", inputs={"d": {"dynamicTasks": tasks}}, dynamic_fork_join_tasks_param="d"))
    assert run.input("a") == {"n": 1}
    run.complete("a")
    run.signal("b")
    assert run.status == "COMPLETED"


def test_input_templates_fill_what_is_missing():
    t = once(input_template={"k": 1, "m": 2})
    run = begun(*fan("f", [{"m": None}, {"m": 3}]), t=t)
    assert run.input("_t_0") == {"k": 1, "m": 2, "__index": 0}
    assert run.input("_t_1") == {"k": 1, "m": 3, "__index": 1}


def test_the_input_template_of_a_definition_in_place_fills_them_too():
    defaults = {"k": 1, "m": "${a.output.n}"}
    forked = fan("f", [{"m": None}, {"m": 3}], task_definition=once(input_template=defaults))
    run = begun(task("a"), *forked, t=once(input_template={"k": "of the task"}))
    run.complete("a", n=9)
    assert run.input("_t_0") == {"k": 1, "m": 9, "__index": 0}
    assert run.input("_t_1") == {"k": 1, "m": 3, "__index": 1}
    run.complete("_t_0", "_t_1")
    assert run.status == "COMPLETED"


# --- failing and undoing ------------------------------------------------------------------------


def test_a_failing_branch_undoes_the_others():
    run = begun(task("a", undo=True), *fan("f", [{"n": 1}, {"n": 2}, {"n": 3}], undo=TAKEN_BACK))
    run.complete("a")
    run.complete("_t_0", x=10)
    run.complete("_t_2", x=30)
    assert run.header.undoable == 3
    run.fail("_t_1", "sold out")
    assert run.header.reason == "_t_1: sold out"
    assert run.offered == {"undo:_t_0", "undo:_t_2"}
    assert run.input("undo:_t_2") == {"of": 3, "gave": 30}
    run.complete("undo:_t_2")
    assert not run.begun("undo:a")
    run.complete("undo:_t_0")
    run.complete("undo:a")
    assert run.status == "COMPENSATED"


def test_what_stands_behind_a_fan_is_undone_before_it():
    run = begun(*fan("f", [{"n": 1}, {"n": 2}], undo=TAKEN_BACK), task("b", undo=True), task("z"))
    run.complete("_t_0", "_t_1", "b")
    run.fail("z")
    assert run.offered == {"undo:b"}
    run.complete("undo:b")
    assert run.offered == {"undo:_t_0", "undo:_t_1"}
    run.fail("undo:_t_0", "stuck")
    assert run.status == "NEEDS_ATTENTION"
    run.resolve("_t_0", "retry")
    run.complete("undo:_t_0", "undo:_t_1")
    assert run.status == "COMPENSATED"


def test_nothing_was_done_so_a_person_may_try_again():
    run = begun(*fan("f", [{"n": 1}, {"n": 2}, {"n": 3}]), task("z"))
    run.complete("_t_0")
    run.fail("_t_1")
    assert run.status == "FAILED"
    run.retry()
    run.world.pass_time(0)
    assert run.open == {"_t_1", "_t_2", "f-join"}
    assert run.input("_t_2") == {"n": 3, "__index": 2}
    run.complete("_t_1", "_t_2")
    assert run.open == {"z"}


def test_all_branches_are_optional_with_the_fork():
    run = begun(*fan("f", [{"n": 1}, {"n": 2}], optional=True), task("z"))
    run.fail("_t_0")
    run.complete("_t_1")
    assert run.row("f-join").status == "COMPLETED_WITH_ERRORS"
    assert run.open == {"z"}
    assert refused(*fan("f", 5, optional=True)) == "f: its forkTaskInputs are 5, no list"


def test_permissive_branches_fail_the_run_at_its_end():
    run = begun(*fan("f", [{"n": 1}, {"n": 2}], permissive=True), task("z"))
    run.fail("_t_0")
    run.complete("_t_1")
    assert (run.status, run.row("f-join").status) == ("FAILED", "FAILED")
    run.retry()
    run.world.pass_time(0)
    assert run.open == {"_t_0", "f-join"}
    run.complete("_t_0")
    assert run.open == {"z"}


# --- pages, pauses, and places ------------------------------------------------------------------


def test_branches_are_begun_page_by_page_and_undone_so():
    run = begun(*fan("f", [{"n": n} for n in range(250)], undo=TAKEN_BACK), task("z"))
    assert (len(run.offered), run.row("f").status, run.row("f").count) == (100, "IN_PROGRESS", 100)
    run.world.pass_time(0)
    assert (len(run.offered), run.row("f").status, run.row("f").count) == (250, "COMPLETED", 250)
    run.complete(*(f"_t_{n}" for n in range(250)))
    run.fail("z")
    run.world.pass_time(0)
    assert len(run.offered) == 250
    run.complete(*run.offered)
    assert run.status == "COMPENSATED"


def test_a_pause_holds_the_pages_behind():
    run = begun(*fan("f", [{"n": n} for n in range(150)]), task("z"))
    run.pause()
    run.world.pass_time(0)
    assert len(run.offered) == 100
    run.resume()
    run.world.pass_time(0)
    assert len(run.offered) == 150
    run.complete(*run.offered)
    assert run.open == {"z"}


def test_in_a_loop_each_iteration_has_branches_of_its_own():
    body = [*fan("f", "${l.output.loopItem}"), task("b", inputs={"all": "${f-join.output}"})]
    run = begun(loop("l", *body, items=[[{"n": 1}, {"n": 2}], [], [{"n": 3}]]), task("z"))
    run.complete("_t_0__1", x=1)
    run.complete("_t_1__1", x=2)
    assert run.input("b__1") == {"all": {"_t_0__1": {"x": 1}, "_t_1__1": {"x": 2}}}
    run.complete("b__1")
    run.complete("b__2")
    run.complete("_t_0__3", x=3)
    run.complete("b__3")
    assert run.open == {"z"}


def test_an_iteration_is_undone_with_its_branches():
    body = [*fan("f", [{"n": 1}, {"n": 2}], undo=TAKEN_BACK)]
    run = begun(loop("l", *body, items=[1, 2]), task("z"))
    run.complete("_t_0__1", "_t_1__1", "_t_0__2", "_t_1__2", x=1)
    run.fail("z")
    assert run.offered == {"undo:_t_0__2", "undo:_t_1__2"}
    assert run.input("undo:_t_0__2") == {"of": 1, "gave": 1}
    run.complete(*run.offered)
    assert run.offered == {"undo:_t_0__1", "undo:_t_1__1"}
    run.complete(*run.offered)
    assert run.status == "COMPENSATED"


def test_in_a_branch_in_a_case_and_in_a_scope():
    inside = [*fan("f", [{"n": 1}]), task("b")]
    run = begun(*fork("g", [switch("c", "k", [], k=inside), task("d")], task("e")))
    run.complete("_t_0", "b", "d", "e")
    assert run.status == "COMPLETED"
    run = begun(scope("s", *fan("f", [{"n": 1}], undo=TAKEN_BACK)), task("z"))
    run.child("s").complete("_t_0", x=1)
    run.fail("z")
    run.child("s").complete("undo:_t_0")
    assert run.status == "COMPENSATED"


def test_a_branch_may_end_the_run():
    steps = [
        {"name": "t", "taskReferenceName": "a"},
        {"taskReferenceName": "e", "type": "TERMINATE"},
    ]
    given = {"e": {"terminationStatus": "COMPLETED", "workflowOutput": {"n": 1}}}
    run = begun(*listed(*steps, inputs=given), task("z"))
    run.world.pass_time(0)
    assert (run.status, run.output) == ("COMPLETED", {"n": 1})


def test_it_ends_with_the_fan():
    run = begun(*fan("f", [{"n": 1}]))
    run.complete("_t_0", x=4)
    assert (run.status, run.output) == ("COMPLETED", {"_t_0": {"x": 4}})
    run = begun(*fan("f", [{"n": 1}]), terminate("e", "COMPLETED"))
    run.complete("_t_0")
    assert run.status == "COMPLETED"


def test_all_names_can_be_read_however_many():
    shown = task("z", inputs={"n": "${= len(f.input.forkedTasks) }"})
    run = begun(*fan("f", [{"n": n} for n in range(150)]), shown)
    run.world.pass_time(0)
    run.complete(*(f"_t_{n}" for n in range(150)))
    assert run.input("z") == {"n": 150}
