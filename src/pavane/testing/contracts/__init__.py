"""A suite of tests per port: who writes an adapter subclasses one and says how to build it."""

import pytest

# So that a failing assertion in a suite shows its values, as in the tests of a project's own.
pytest.register_assert_rewrite(
    "pavane.testing.contracts.bus",
    "pavane.testing.contracts.caller",
    "pavane.testing.contracts.ledger",
    "pavane.testing.contracts.store",
)
