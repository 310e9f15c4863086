"""Services and tasks: what decorators refuse and when, and calling a task as a function."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pavane.errors import DefinitionError
from pavane.language.offers import is_task
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service, definitions_of

early = Service("early")


@early.task
async def before(order: Later) -> Later:
    return order


class Later(msgspec.Struct):
    id: str


def test_annotations_may_name_what_is_defined_further_down() -> None:
    assert before.signature.parameters["order"].annotation is Later
    assert before.returns is Later


def test_annotations_may_name_local_classes() -> None:
    service = Service("local")

    @service.task
    async def take(order: Local) -> Local:
        return order

    class Local(msgspec.Struct):
        id: str

    assert take.returns is Local


def test_an_unknown_annotation_is_told_when_it_is_needed() -> None:
    service = Service("test")

    @service.task
    async def take(order: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the fault

    with pytest.raises(DefinitionError, match=r"take \(test_service.py:\d+\).*'Nowhere'"):
        _ = service.definitions


def test_python_defaults_to_quick_retries() -> None:
    definition = before.definition
    assert definition.retry_count == 3
    assert definition.retry_logic == "EXPONENTIAL_BACKOFF"
    assert (definition.retry_delay_seconds, definition.max_retry_delay_seconds) == (0.2, 10.0)
    assert (definition.timeout_seconds, definition.response_timeout_seconds) == (0, 3600)
    assert (definition.name, definition.service, definition.input_keys) == (
        "before",
        "early",
        ["order"],
    )


def test_options_become_the_definition() -> None:
    service = Service("test")

    @service.task(
        name="test.take",
        retries=5,
        retry_delay=timedelta(milliseconds=50),
        max_retry_delay="1m",
        retry_logic="linear",
        jitter="20ms",
        timeout="10s",
        heartbeat_timeout=3,
        total_timeout="1h30m",
    )
    async def take() -> None:
        """Take it.

        Not part of the description.
        """

    definition = take.definition
    assert (definition.name, definition.description) == ("test.take", "Take it.")
    assert (definition.retry_count, definition.retry_logic) == (5, "LINEAR_BACKOFF")
    assert (definition.retry_delay_seconds, definition.max_retry_delay_seconds) == (0.05, 60)
    assert definition.backoff_jitter_ms == 20
    assert (definition.timeout_seconds, definition.timeout_policy) == (10, "RETRY")
    assert definition.response_timeout_seconds == 3
    assert definition.total_timeout_seconds == 5400


def test_marks_of_a_task() -> None:
    service = Service("test")

    @service.task(read_only=True)
    async def look() -> None: ...

    @service.task(retries="forever", undo=look)
    async def take() -> None: ...

    assert (look.definition.read_only, look.definition.retriable) == (True, False)
    assert (take.definition.read_only, take.definition.retriable) == (False, True)
    assert take.definition.retry_count == 3  # for an engine that does not know `retriable`


def test_a_timeout_bounds_the_silence_too() -> None:
    service = Service("test")

    @service.task(timeout="10s")
    async def take() -> None: ...

    @service.task(timeout="2h")
    async def take_long() -> None: ...

    assert take.definition.response_timeout_seconds == 10
    assert take_long.definition.response_timeout_seconds == 3600


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries=-1 is negative"),
        ({"timeout": "soon"}, "'soon' is not a duration"),
        ({"timeout": 0}, "timeout=0 leaves no time"),
        ({"retry_logic": "random"}, "retry_logic='random' is not known"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"retries": "always"}, "retries='always' is no number"),
        ({"retries": "forever", "total_timeout": "1h"}, "given up after total_timeout='1h'"),
        ({"undo": before, "read_only": True}, "read_only and has the undo before"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_the_place(
    options: dict[str, Any], message: str
) -> None:
    service = Service("test")

    @service.task(**options)
    async def take() -> None: ...

    with pytest.raises(DefinitionError) as caught:
        _ = take.definition
    assert message in str(caught.value)
    assert "take (test_service.py:" in str(caught.value)


def test_all_findings_come_at_once() -> None:
    one, other = Service("one"), Service("other")

    @one.task(name="notify")
    async def notify_one() -> None: ...

    @other.task(name="notify")
    async def notify_other() -> None: ...

    @other.task
    async def many(*args: int) -> None: ...

    @other.task
    async def keyed(**kwargs: int) -> None: ...

    @other.task
    def numbers() -> Any:
        yield 1

    @other.task
    async def twice(ctx: TaskContext, other: TaskContext) -> None: ...

    with pytest.raises(DefinitionError) as caught:
        definitions_of([one, other])
    findings = caught.value.findings
    assert len(findings) == 5
    expected = [
        "has the name of notify_one (test_service.py",
        "many (test_service.py",
        "takes **kwargs",
        "is a generator",
        "asks for two TaskContexts, ctx and other",
    ]
    for finding, part in zip(findings, expected, strict=True):
        assert part in finding
        assert part in str(caught.value)


def test_an_undo_takes_inputs_by_name_and_one_result() -> None:
    service = Service("test")

    @service.task
    async def good(order: Later, done: str) -> None: ...

    @service.task
    async def result_only(done: str) -> None: ...

    @service.task
    async def inputs_only(count: int, spare: int = 0) -> None: ...

    @service.task
    async def too_many(order: Later, one: str, two: str) -> None: ...

    def step(order: Later, count: int) -> str:
        return ""

    for undo in (good, result_only, inputs_only):
        assert service.task(undo=undo)(step).definition.undo == undo.name
    with pytest.raises(DefinitionError, match=r"too_many .* the undo of step, asks for one, two"):
        _ = service.task(undo=too_many)(step).definition
    with pytest.raises(DefinitionError, match="has an undo of its own"):
        _ = service.task(undo=service.task(undo=good)(step))(step).definition


def test_an_undo_must_be_a_task() -> None:
    service = Service("test")

    def plain() -> None: ...

    with pytest.raises(DefinitionError, match=r"The undo of step \(test_service.py:\d+\) is not"):

        @service.task(undo=plain)  # type: ignore[arg-type]  # the fault
        async def step() -> None: ...


@pytest.mark.parametrize("name", ["", "1st", "in ventory", "a" * 101])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(DefinitionError, match="cannot name a service"):
        Service(name)


def test_a_lambda_needs_a_name() -> None:
    service = Service("test")
    with pytest.raises(DefinitionError, match="cannot name a task"):
        service.task(lambda: 3)
    assert service.task(name="three")(lambda: 3).name == "three"


def test_a_task_is_what_the_language_takes_for_one() -> None:
    assert is_task(before)
    changed = before.with_options(ref="first", retries=0, timeout="1m", start_delay=5)
    assert is_task(changed)
    assert (changed.options.ref, changed.options.retries) == ("first", 0)
    assert (changed.options.timeout_s, changed.options.start_delay_s) == (60, 5)
    assert before.options.ref == ""
    assert early.tasks == (before,)


@pytest.mark.anyio
async def test_outside_a_workflow_a_task_is_its_function() -> None:
    service = Service("test")

    @service.task
    async def greet(ctx: TaskContext, name: str, mark: str = "!") -> str:
        return f"{ctx.task} {ctx.attempt} {name}{mark}"

    @service.task
    def where(*, ctx: TaskContext) -> int:
        return threading.get_ident()

    assert await greet("Ada") == "greet 1 Ada!"
    assert await greet(mark="?", name="Ada") == "greet 1 Ada?"
    assert await where() != threading.get_ident()  # type: ignore[call-arg]  # known only when it comes first
    with pytest.raises(TypeError, match="name"):
        await greet()  # type: ignore[call-arg]  # the fault


def test_limits_of_a_task() -> None:
    service = Service("bounded")

    @service.task(max_running=5, rate="100/min")
    async def weigh() -> None: ...

    @service.task
    async def plain() -> None: ...

    of = weigh.definition
    assert (of.concurrent_exec_limit, of.rate_limit_per_frequency) == (5, 100)
    assert of.rate_limit_frequency_in_seconds == 60
    assert plain.definition.concurrent_exec_limit == plain.definition.rate_limit_per_frequency == 0


@pytest.mark.parametrize(
    ("rate", "many", "seconds"),
    [
        ("5/s", 5, 1),
        ("7 / h", 7, 3600),
        ("10/30s", 10, 30),
        ("1/1h30m", 1, 5400),
        ("3/day", 3, 86400),
    ],
)
def test_rates(rate: str, many: int, seconds: float) -> None:
    service = Service("paced")

    @service.task(rate=rate)
    async def weigh() -> None: ...

    of = weigh.definition
    assert (of.rate_limit_per_frequency, of.rate_limit_frequency_in_seconds) == (many, seconds)


@pytest.mark.parametrize(
    "rate", ["", "5", "0/s", "-1/s", "x/s", "5/", "5/fortnight", "5/0s", "1.5/s"]
)
def test_rates_that_are_none(rate: str) -> None:
    service = Service("paced")

    @service.task(rate=rate)
    async def weigh() -> None: ...

    with pytest.raises(DefinitionError, match="is no rate"):
        _ = weigh.definition


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurrency_key": "order"}, "counts nothing without max_running"),
        ({"concurrency_key": "other", "max_running": 1}, "names none of its parameters"),
        ({"concurrency_key": "order.1", "max_running": 1}, "names none of its parameters"),
    ],
)
def test_keys_that_are_none(options: dict[str, Any], words: str) -> None:
    service = Service("keyed")

    @service.task(**options)
    async def weigh(order: dict[str, str]) -> None: ...

    with pytest.raises(DefinitionError, match=words):
        _ = weigh.definition


def test_a_task_of_which_nothing_may_run() -> None:
    service = Service("shut")

    @service.task(max_running=0)
    async def weigh() -> None: ...

    with pytest.raises(DefinitionError, match="max_running=0 lets nothing run"):
        _ = weigh.definition


@pytest.mark.anyio
async def test_a_plain_context_is_never_cancelled() -> None:
    ctx = TaskContext.outside("task", "service")
    await ctx.heartbeat()
    await asyncio.to_thread(ctx.heartbeat_sync)
    ctx.raise_if_cancelled()
    assert not ctx.cancelled


def test_the_log_bears_the_ids(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        TaskContext.outside("pay", "shop").log.info("card %s", "4242")
    (record,) = caplog.records
    assert record.getMessage() == "[ pay #1] card 4242"
    assert record.__dict__["attempt"] == 1
