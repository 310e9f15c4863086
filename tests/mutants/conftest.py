"""Patches in here fit what they are put in the place of, or the test stops at once."""

from collections.abc import Generator

import pytest

from tests.mutants.signatures import Fitting


@pytest.fixture
def monkeypatch() -> Generator[pytest.MonkeyPatch]:
    """Pytest's own, but with its eyes open."""
    with Fitting.context() as patch:
        yield patch
