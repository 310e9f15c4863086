"""schemathesis, a foreign judge, against the documents that real server processes serve.

`PAVANE_SEED=N` repeats a failure, `PAVANE_CASES=N` sends more to each operation.
"""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli.processes import SHOP, Background, background
from tests.acceptance.hostile.clients import WORKFLOW
from tests.acceptance.hostile.documents import judge


def post(url: str, body: object) -> dict[str, str]:
    request = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def known(names: list[str], ids: list[str], refs: list[str]) -> dict[str, list[str]]:
    """What exists, by the names of the parameters of paths."""
    statuses = ["COMPLETED", "FAILED", "IN_PROGRESS"]
    return {
        "name": names,
        "execution_id": ids,
        "workflow_id": ids,
        "ref": refs,
        "status": statuses,
        "task_id": [f"{id}/{ref}" for id in ids for ref in refs],
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    with background(tmp_path_factory.mktemp("server"), "server", "--port", "0") as server:
        post(server.url + "/v1/workflows", WORKFLOW)
        yield server


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/api/openapi.json"])
def test_a_server_answers_as_its_documents_say(server: Background, path: str):
    start = f"{server.url}/v1/workflows/digging/executions"
    ids = [post(start, {})["id"] for _ in range(10)]
    good = judge(server.url, path, known(["digging", "dig"], ids, ["dig"]))
    assert sum(1 for count in good.values() if count) > len(good) / 3, good
    assert server.process.poll() is None
    assert "Traceback" not in server.text, server.text[-3000:]


def test_dancers_answer_as_the_document_says(tmp_path: Path):
    run = ("run", str(SHOP), "--style", "choreographed", "--port", "0")
    with background(tmp_path, *run) as dancers:
        url = dancers.url
        order = {"id": "1", "customer": "B", "item": "lute", "quantity": 1, "card": "4111"}
        body = {"input": {"order": {**order, "country": "CH"}}}
        ids = [post(f"{url}/v1/workflows/fulfil_order/executions", body)["id"] for _ in range(3)]
        good = judge(url, "/v1/openapi.json", known(["fulfil_order"], ids, ["ship"]))
        assert good["GET /v1/executions/{execution_id}"], good
        assert "Traceback" not in dancers.text, dancers.text[-3000:]
