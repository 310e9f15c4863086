"""One step behind the other, from the start to the output."""

from __future__ import annotations

from pavane.core.model.fact import Claimed, Heartbeat, Reported, Returned
from tests.unit.core.build import noop, task, workflow
from tests.unit.core.world import World


def test_steps_follow_each_other_and_the_last_gives_the_output():
    run = World().start(workflow(task("a"), task("b"), task("c")))
    assert (run.status, run.open) == ("RUNNING", {"a"})
    run.complete("a")
    assert run.open == {"b"}
    run.complete("b")
    run.complete("c", number=7)
    assert (run.status, run.open, run.output) == ("COMPLETED", set(), {"number": 7})
    assert run.ready() == []
    assert run.world.finished == [(run.id, "COMPLETED")]


def test_output_parameters_read_inputs_and_outputs():
    definition = workflow(
        task("a"),
        task("b"),
        output_parameters={"x": "${a.output.x}", "who": "${workflow.input.who}"},
    )
    run = World().start(definition, who="ada")
    run.complete("a", x=1)
    run.complete("b", x=2)
    assert run.output == {"x": 1, "who": "ada"}


def test_inputs_are_filled_in_from_what_went_before():
    second = task("b", inputs={"all": "${a.output}", "text": "no ${workflow.input.n}: ${a.status}"})
    run = World().start(workflow(task("a"), second), n=3)
    run.complete("a", k=[1])
    assert run.input("b") == {"all": {"k": [1]}, "text": "no 3: COMPLETED"}


def test_a_missing_step_reads_as_null():
    run = World().start(workflow(task("a", inputs={"later": "${b.output.x}"}), task("b")))
    assert run.input("a") == {"later": None}


def test_an_expression_inside_an_expression_finds_its_rows():
    second = task("b", inputs={"v": "${${workflow.input.which}.output.x}"})
    run = World().start(workflow(task("a"), second), which="a")
    run.complete("a", x=5)
    assert run.input("b") == {"v": 5}


def test_an_input_that_cannot_be_evaluated_fails_the_step_for_good():
    second = task("b", inputs={"v": "${= a.output.x / 0 }"})
    run = World().start(workflow(task("a"), second, failure_workflow=""))
    run.complete("a", x=5)
    assert (run.status, run.row("b").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "b" in run.header.reason
    assert run.header.failed_ref == "b"


def test_an_output_that_cannot_be_evaluated_fails_the_run():
    run = World().start(workflow(task("a"), output_parameters={"v": "${= a.output.x / 0 }"}))
    run.complete("a", x=5)
    assert (run.status, run.header.cause) == ("FAILED", "FAILED")


def test_a_start_delay_holds_the_first_attempt_back():
    run = World().start(workflow(task("a", start_delay=1.5)))
    assert run.offered == set()
    assert not run.take("a")
    run.world.pass_time(1.5)
    assert run.offered == {"a"}
    run.complete("a")


def test_a_taken_task_is_taken_once():
    run = World().start(workflow(task("a")))
    assert run.take("a", "first")
    assert not run.take("a", "second")
    assert run.row("a").worker == "first"
    assert run.ready_row("a").worker == "first"


def test_late_double_and_fenced_reports_change_nothing():
    run = World().start(workflow(task("a"), task("b")))
    assert not run.tell(Reported("a", 1, "COMPLETED"))
    assert not run.tell(Reported("b", 0, "COMPLETED"))
    run.complete("a")
    revision = run.header.revision
    assert not run.tell(Reported("a", 0, "COMPLETED"))
    assert not run.tell(Reported("a", 0, "FAILED"))
    assert not run.tell(Claimed("a", 0, "w"))
    assert not run.tell(Heartbeat("a", 0))
    assert not run.tell(Returned("a", 0))
    assert run.header.revision == revision
    run.complete("b")
    assert not run.tell(Reported("b", 0, "FAILED"))
    assert run.status == "COMPLETED"


def test_a_report_for_what_no_worker_does_is_ignored():
    run = World().start(workflow(noop("n"), task("a")))
    assert not run.tell(Reported("n", 0, "FAILED"))


def test_the_process_of_a_worker_dies_and_the_same_attempt_goes_back():
    run = World().start(workflow(task("a")))
    assert not run.tell(Returned("a", 0))
    run.take("a", "dead")
    assert run.tell(Returned("a", 0))
    assert (run.row("a").status, run.row("a").attempt, run.row("a").worker) == ("SCHEDULED", 0, "")
    assert run.offered == {"a"}
    run.take("a", "alive")
    assert run.row("a").polls == 2
    run.complete("a")
    assert run.status == "COMPLETED"


def test_a_worker_asks_to_be_called_again_later():
    run = World().start(workflow(task("a")))
    run.take("a")
    run.tell(Reported("a", 0, "IN_PROGRESS", b'{"page":1}', callback_after_s=2))
    assert (run.row("a").status, run.offered) == ("SCHEDULED", set())
    run.world.pass_time(2)
    assert run.offered == {"a"}
    assert run.row("a").output == b'{"page":1}'
    run.complete("a", page=2)
    assert run.output == {"page": 2}


def test_the_header_stays_as_small_as_it_was():
    """A run of three hundred steps ends with the same header as one of three, but for counts."""

    def sizes(length: int) -> int:
        run = World().start(workflow(*(task(f"t{i:03}") for i in range(length))))
        for i in range(length - 1):
            run.complete(f"t{i:03}", blob="x" * 50)
        header = run.header
        header.seq = header.revision = 0
        return sum(len(str(getattr(header, name))) for name in header.__struct_fields__)

    assert sizes(3) == sizes(300)


def test_the_decision_asks_for_few_rows_at_a_time():
    run = World().start(workflow(task("a"), task("b", inputs={"x": "${a.output.x}"}), task("c")))
    before = run.world.needs
    run.complete("a", x=1)
    # one for the claim, one for the report; then the input of the next step is at hand
    assert run.world.needs - before <= 3
