"""From JSON to a workflow, or to a clear word."""

from __future__ import annotations

import pytest

from pavane.core.check import ensure_valid, read_workflow
from pavane.errors import DefinitionError


def test_a_definition_is_read():
    body = b'{"name":"w","tasks":[{"name":"a","taskReferenceName":"a","unknown":1}]}'
    assert read_workflow(body).tasks[0].ref == "a"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "does not fit"),
        (b'{"tasks":[{"retryCount":"x"}]}', "tasks[0].retryCount"),
        (b'{"timeoutPolicy":"SOMETIMES"}', "timeoutPolicy"),
        (b'{"tasks":[{"taskDefinition":{"retryLogic":"NEVER"}}]}', "retryLogic"),
    ],
)
def test_what_cannot_be_read(body: bytes, words: str):
    with pytest.raises(DefinitionError) as caught:
        read_workflow(body)
    assert words in str(caught.value)
    assert caught.value.remedy
    assert len(caught.value.findings) == 1


@pytest.mark.parametrize("levels", [100, 5_000, 100_000])
def test_nesting_beyond_reason(levels: int):
    inner = b'{"type":"SWITCH","defaultCase":['
    body = b'{"name":"w","tasks":[' + inner * levels + b"]}" * levels + b"]}"
    with pytest.raises(DefinitionError, match="nested"):
        ensure_valid(read_workflow(body))
