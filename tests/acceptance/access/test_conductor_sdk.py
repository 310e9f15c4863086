"""Conductor's own Python SDK, unmodified, at a locked server: its key is an id and a secret."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from tests.acceptance.access.locked import Kept, add, locked
from tests.acceptance.access.test_sdk import refusals
from tests.acceptance.cli.processes import done

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # its own

WORKER = Path(__file__).parents[1] / "rest" / "conductor" / "sdk_worker.py"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with locked(tmp_path, "--lease", "2s") as kept:
        yield kept


@pytest.fixture(autouse=True)
def own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK keeps its token in a class, for all configurations of a process."""
    monkeypatch.setattr(Configuration, "AUTH_TOKEN", None)


def shown_by(kept: Kept, key: str) -> Configuration:
    """A configuration with a key, in the two parts that the SDK wants."""
    monkey: Any = Configuration
    monkey.AUTH_TOKEN = None
    settings = AuthenticationSettings(key_id=key.split("_")[1], key_secret=key)
    return Configuration(server_api_url=f"{kept.url}/api", authentication_settings=settings)


def until_ended(workflows: OrkesWorkflowClient, id: str) -> Any:
    until = time.monotonic() + 60
    while True:
        found = workflows.get_workflow(id, include_tasks=True)
        if found.status in {"COMPLETED", "FAILED"}:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.1)


def register(configuration: Configuration) -> None:
    metadata = OrkesMetadataClient(configuration)
    metadata.register_task_def(TaskDef(name="sdk_book", retry_count=0))
    step = WorkflowTask(
        name="sdk_book",
        task_reference_name="seat",
        input_parameters={"number": "${workflow.input.number}"},
    )
    output = {"seat": "${seat.output.seat}"}
    metadata.register_workflow_def(
        WorkflowDef(name="sdk_seat", version=1, tasks=[step], output_parameters=output),
        overwrite=True,
    )


def test_define_start_and_work_each_with_its_key(kept: Kept, tmp_path: Path):
    keys = {
        role: add(tmp_path, f"sdk-{role}", *role.split("-"), server=kept.url, key=kept.boss)
        for role in ("define", "operate", "work-define")
    }
    register(shown_by(kept, keys["define"]))
    definer = OrkesWorkflowClient(shown_by(kept, keys["define"]))
    with pytest.raises(ApiException) as weak:
        definer.start_workflow_by_name("sdk_seat", {"number": 1})
    assert weak.value.status == 403
    assert "'sdk-define' does not have the role 'operate'" in str(weak.value)
    key = keys["work-define"]
    environment = {
        **{name: value for name, value in os.environ.items() if "CONDUCTOR" not in name},
        "CONDUCTOR_AUTH_KEY": key.split("_")[1],
        "CONDUCTOR_AUTH_SECRET": key,
    }
    with subprocess.Popen(
        [sys.executable, str(WORKER), f"{kept.url}/api"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as worker:
        assert worker.stdin is not None
        try:
            workflows = OrkesWorkflowClient(shown_by(kept, keys["operate"]))
            id = workflows.start_workflow_by_name("sdk_seat", {"number": 7})
            assert until_ended(workflows, id).output == {"seat": "7A"}
            boss = {"PAVANE_API_KEY": kept.boss}
            done(tmp_path, "keys", "revoke", "sdk-work-define", "--server", kept.url, **boss)
            id = workflows.start_workflow_by_name("sdk_seat", {"number": 8})
            time.sleep(4)
            assert workflows.get_workflow(id).status == "RUNNING", "nobody may work on it"
            # Its workers poll twenty times a second while they may; refused, they back off.
            assert 1 < refusals(kept) < 20
        finally:
            worker.stdin.close()
            try:
                worker.wait(15)
            finally:
                worker.kill()


@pytest.mark.parametrize("wrong", ["secret", "id", "none"])
def test_no_key_and_a_wrong_one_are_refused(kept: Kept, wrong: str):
    if wrong == "none":
        configuration = Configuration(server_api_url=f"{kept.url}/api")
    else:
        _, id, secret = kept.boss.split("_")
        key = f"pvk_{id}_wrong" if wrong == "secret" else f"pvk_wrong_{secret}"
        configuration = shown_by(kept, key)
    with pytest.raises(ApiException) as refused:
        OrkesMetadataClient(configuration).get_all_workflow_defs()
    assert refused.value.status == 401
    assert "key" in str(refused.value)
