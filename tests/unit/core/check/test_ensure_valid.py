"""All findings, in one error."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow, ensure_valid
from pavane.errors import DefinitionError
from tests.unit.core.build import of_type, task, workflow


def test_one_finding_is_the_message():
    with pytest.raises(DefinitionError) as caught:
        ensure_valid(workflow(task("a"), task("a")))
    assert str(caught.value).startswith("Workflow 'test': Step 'a': 2 steps")
    assert len(caught.value.findings) == 1


def test_many_findings_are_a_list():
    bad = workflow(
        task("a"), task("a"), of_type("LAMBDA", "h"), of_type("WAIT", "w", {"until": "x"})
    )
    with pytest.raises(DefinitionError) as caught:
        ensure_valid(bad)
    assert list(caught.value.findings) == check_workflow(bad)
    assert len(caught.value.findings) == 3
    assert str(caught.value).startswith("Workflow 'test' has 3 findings:\n- Step 'a'")


def test_a_good_one_passes():
    ensure_valid(workflow(task("a")))
