"""`pavane decompile`: Python from JSON, which `pavane compile` turns into the same JSON again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.cli.processes import pavane

DEFINITION = {
    "name": "fulfil",
    "inputParameters": ["order"],
    "tasks": [
        {
            "name": "charge",
            "taskReferenceName": "charge",
            "inputParameters": {"order": "${workflow.input.order}"},
            "service": "payment",
        },
        {
            "name": "call",
            "taskReferenceName": "call",
            "type": "HTTP",
            "inputParameters": {"http_request": {"uri": "https://api.example.com/x"}},
        },
    ],
    "outputParameters": {"paid": "${charge.output.id}"},
}

PYTHON = '''\
"""Made by `pavane decompile`, which knows types by what is done with them."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane import Service, workflow
from pavane.sdk.faithful import step

payment = Service('payment')


class ChargeResult(msgspec.Struct, kw_only=True):
    id: Any


@payment.task
async def charge(order: Any) -> ChargeResult: ...


@workflow
async def fulfil(order: Any) -> dict[str, Any]:
    charge_result = await charge(order=order)
    await step('HTTP', ref='call', input={'http_request': {'uri': 'https://api.example.com/x'}})
    return {'paid': charge_result.id}
'''


def without_notes(definition: dict[str, object]) -> object:
    text = json.dumps(definition)
    return json.loads(
        text, object_hook=lambda found: {k: v for k, v in found.items() if k != "metadata"}
    )


def test_a_definition_goes_to_python_and_back(tmp_path: Path) -> None:
    file = tmp_path / "fulfil.json"
    file.write_text(json.dumps(DEFINITION))
    done = pavane(tmp_path, "decompile", str(file))
    assert (done.returncode, done.stdout) == (0, PYTHON), done.stderr
    (tmp_path / "app.py").write_text(done.stdout)
    back = pavane(tmp_path, "compile", str(tmp_path / "app.py"))
    assert back.returncode == 0, back.stderr
    assert without_notes(json.loads(back.stdout)) == DEFINITION


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON: "),
        ("[1]", "is no workflow definition: Expected `object`"),
        ('{"name": 3}', "is no workflow definition: Expected `str`, got `int` - at `$.name`"),
        ('{"name": "x"}', "is no workflow definition: it has no tasks"),
        ('{"name": "x", "tasks": [{"type": 3}]}', ".type`"),
    ],
)
def test_what_is_no_definition_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(text)
    done = pavane(tmp_path, "decompile", str(file))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    done = pavane(tmp_path, "decompile", str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert "none.json cannot be read: No such file or directory." in done.stderr
