"""Every attempt ends within a bound, so that an abort does."""

from __future__ import annotations

from typing import Any

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Undo
from tests.unit.core.check.projectable.dance import does, each, found

ENDLESS: dict[str, Any] = {"response_timeout_seconds": 0}


def test_attempts_that_may_take_for_ever():
    assert found(does("a", policy=ENDLESS)) == [
        "Step 'a': an attempt at 'a' may take for ever, and an abort would wait for it; give its "
        "task a `timeout=`."
    ]
    alert = {**ENDLESS, "timeout_seconds": 5, "timeout_policy": "ALERT_ONLY"}
    assert len(found(does("a", policy=alert))) == 1
    assert len(found(each("e", **ENDLESS))) == 1
    undo = Undo(name="u", task_definition=TaskDefinition(**ENDLESS))
    (text,) = found(does("a", undo=undo))
    assert text.startswith("Step 'a': an attempt at its undo 'u' may take for ever")


def test_limits_that_pass():
    assert found(does("a", policy={**ENDLESS, "timeout_seconds": 5})) == []
    assert found(does("a", policy={"response_timeout_seconds": 5})) == []
    assert found(does("a", undo=Undo(name="nobody-knows"))) == []


def test_limits_that_only_a_conductor_counts():
    for limit in ("concurrent_exec_limit", "rate_limit_per_frequency"):
        limits: dict[str, Any] = {limit: 3}
        for name in ("a", "un-a"):
            known = {name: TaskDefinition(name=name, service="shop", **limits)}
            (text,) = found(does("a"), tasks=known)
            assert text.startswith(f"Step 'a': {name!r} has limits (`max_running`, `rate`), which")
        assert len(found(does("a", policy=limits))) == 1
