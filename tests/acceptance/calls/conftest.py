"""The stock service, and leave to call it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.calls.stock import Stock, stock


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stock]:
    monkeypatch.setenv("PAVANE_ALLOW_CALLS_TO", "127.0.0.0/8")
    with stock() as service:
        yield service
