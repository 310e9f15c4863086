"""How a suite leaves out the tests of what an adapter does not claim to have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])


def needs(feature: str) -> Callable[[Test], Test]:
    """Mark a test that says nothing about adapters without the feature."""

    def mark(test: Test) -> Test:
        vars(test)["needs"] = feature
        return test

    return mark


class Featured:
    """A suite whose subclasses declare what the adapter under test has."""

    features: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        """Tests for features that were not declared do not exist, so that none is skipped."""
        super().__init_subclass__()
        if "features" in cls.__dict__:
            for name in dir(cls):
                feature = getattr(getattr(cls, name), "needs", None)
                if feature is not None and feature not in cls.features:
                    setattr(cls, name, None)
