"""Options of `@workflow` that bound how many executions run at once."""

from typing import Any

import pytest

from pavane.errors import DefinitionError
from pavane.sdk.service import Service
from pavane.sdk.workflow import workflow

desk = Service("desk")


@desk.task
async def note(text: str) -> None: ...


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"per": "text"}, "`per` and `when_full` say nothing without `max_running`"),
        ({"when_full": "reject"}, "`per` and `when_full` say nothing without `max_running`"),
        ({"max_running": 1, "when_full": "wait"}, "when_full='wait' is not known"),
    ],
)
def test_options_that_say_nothing(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        workflow(**options)
    assert words in refused.value.message and refused.value.remedy


def test_a_call_with_options_keeps_the_limit() -> None:
    @workflow(max_running=2, per="text")
    async def noting(text: str) -> None:
        await note(text)

    limit = noting.with_options(ref="again").limit
    assert limit == noting.definition.rate_limit_config
    assert limit is not None and limit.rate_limit_key == "${workflow.input.text}"
