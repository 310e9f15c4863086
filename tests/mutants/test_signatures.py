"""Mutants are called as what they stand for: none is caught for an outdated signature."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

import tests.mutants
from tests.mutants.signatures import Fitting, MisfitError, classes_of, misfit, misfits_in

MODULES = [
    importlib.import_module(f"{tests.mutants.__name__}.{found.name}")
    for found in pkgutil.iter_modules(tests.mutants.__path__)
    if found.name not in {"conftest", "signatures", "test_signatures"}
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_override_fits(module: ModuleType):
    assert list(misfits_in(module)) == []


def test_mutants_were_looked_at():
    names = {kind.__qualname__ for module in MODULES for kind in classes_of(module)}
    assert {"NoTombstone", "Unfenced", "AtMostOnce.member", "AsksAnew", "With"} <= names
    assert len(names) > 100


class Product:
    """What mutants stand for."""

    def plain(self, row: int, after_ms: int = 0) -> None: ...
    def open(self, row: int, *more: Any, **named: Any) -> None: ...
    def named(self, *, row: int) -> None: ...
    async def slow(self, row: int) -> None: ...
    @staticmethod
    def apart(row: int) -> None: ...
    @asynccontextmanager
    async def held(self, row: int) -> AsyncGenerator[int]:
        yield row


class Fits(Product):
    """One of each that can be called as before."""

    def plain(self, row: int, after_ms: int = 0, why: str = "") -> None: ...
    def open(self, *more: Any, **named: Any) -> None: ...
    def named(self, row: int) -> None: ...  # pyright: ignore[reportIncompatibleMethodOverride]  # who names it fits too
    async def slow(self, *more: Any, **named: Any) -> None: ...
    @staticmethod
    def apart(row: int) -> None: ...
    @asynccontextmanager
    async def held(self, row: int) -> AsyncGenerator[int]:
        yield row


def fewer(self: Any, row: int) -> None: ...
def more(self: Any, row: int, why: str, after_ms: int = 0) -> None: ...
def renamed(self: Any, line: int, after_ms: int = 0) -> None: ...
def swapped(self: Any, after_ms: int = 0, row: int = 0) -> None: ...
def needed(self: Any, row: int, after_ms: int) -> None: ...
def by_name(self: Any, *, row: int, after_ms: int = 0) -> None: ...
def by_position(self: Any, *more: Any) -> None: ...
async def awaited(self: Any, row: int, after_ms: int = 0) -> None: ...


BAD = [fewer, more, renamed, swapped, needed, by_name, by_position, awaited]


@pytest.mark.parametrize("bad", [*BAD, staticmethod(fewer)], ids=lambda bad: bad.__name__)
def test_a_misfit_is_seen(bad: Callable[..., None]):
    assert misfit(vars(Product)["plain"], bad)
    kind = type("Mutant", (Product,), {"plain": bad, "__module__": "wrong"})
    module = ModuleType("wrong")
    vars(module)["Mutant"] = kind
    (told,) = misfits_in(module)
    assert told.startswith("wrong.Mutant.plain: ")
    with Fitting.context() as patch, pytest.raises(MisfitError, match="plain"):
        patch.setattr(Product, "plain", bad)


@pytest.mark.parametrize("name", ["plain", "open", "named", "slow", "apart", "held"])
def test_what_fits_is_let_be(name: str):
    assert misfit(vars(Product)[name], vars(Fits)[name]) == ""
    with Fitting.context() as patch:
        patch.setattr(Product, name, vars(Fits)[name])
        assert vars(Product)[name] is vars(Fits)[name]


def test_tests_of_mutants_patch_with_it(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch, pytest.raises(MisfitError):
        patch.setattr(Product, "plain", fewer)
