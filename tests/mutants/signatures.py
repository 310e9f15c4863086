"""Whether what a mutant puts in the place of something can be called as that was.

Otherwise the product changes, the mutant falls over its own feet (TypeError), and a test that waits
for it to fall is content: it is caught, but for nothing that it does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any

import pytest

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_THE_REST = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class MisfitError(Exception):
    """What a mutant brings cannot stand where it is put."""


def misfit(original: Any, mutant: Any) -> str:
    """Why `mutant` cannot be called wherever `original` is; "" when it can.

    Both as they stand in the class or module (`inspect.getattr_static`). What is no function is
    not compared.
    """
    before, after = _function(original), _function(mutant)
    if before is None or after is None:
        return ""
    if type(original) is not type(mutant):
        return f"a {type(original).__name__} became a {type(mutant).__name__}"
    if _kind(before) != _kind(after):
        return f"what was {_kind(before)} became {_kind(after)}"
    old, new = inspect.signature(before), inspect.signature(after)
    return "" if _takes(old, new) else f"{new} stands for {old}"


def misfits_in(module: ModuleType) -> Iterator[str]:
    """Each method of a class written in this module that does not fit what it overrides."""
    for kind in classes_of(module):
        members = {**vars(kind)}
        members.pop("__init__", None)  # whoever makes one knows its kind
        for name, member in members.items():
            above = next((vars(c)[name] for c in kind.__mro__[1:] if name in vars(c)), None)
            if above is not None and (wrong := misfit(above, member)):
                yield f"{module.__name__}.{kind.__qualname__}.{name}: {wrong}"


def classes_of(module: ModuleType) -> Iterator[type]:
    """The classes that are written in a module, those within others too."""
    ahead: list[Any] = list(vars(module).values())
    while ahead:
        found = ahead.pop()
        if isinstance(found, type) and found.__module__ == module.__name__:
            yield found
            ahead += vars(found).values()


class Fitting(pytest.MonkeyPatch):  # pyright: ignore[reportGeneralTypeIssues]  # final, but for nothing that matters here
    """Refuses, with MisfitError, to put a function where it cannot be called as the one before."""

    def setattr(self, target: Any, name: Any, value: Any = None, raising: bool = True) -> None:
        """As pytest's, for an object and the name of its attribute."""
        assert isinstance(name, str), "name the object and its attribute apart"
        if wrong := misfit(inspect.getattr_static(target, name, None), value):
            raise MisfitError(f"{getattr(target, '__name__', target)}.{name}: {wrong}")
        super().setattr(target, name, value, raising)


def _function(member: Any) -> Callable[..., Any] | None:
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    return member if inspect.isfunction(member) else None


def _kind(function: Callable[..., Any]) -> str:
    if inspect.iscoroutinefunction(function):
        return "awaited"
    return "iterated over" if inspect.isasyncgenfunction(function) else "called"


def _takes(old: Signature, new: Signature) -> bool:
    """Whether each way to call `old` fits `new`, where the same names mean the same."""
    for given, named in _ways_to_call(list(old.parameters.values())):
        try:
            after = new.bind(*given, **named).arguments
        except TypeError:
            return False
        before = old.bind(*given, **named).arguments
        names = before.keys() & after.keys() - _rest_of(old) - _rest_of(new)
        if any(before[name] is not after[name] for name in names):
            return False
    return True


def _ways_to_call(all_of_it: Sequence[Parameter]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """What must be said alone, and all that can be said, by position or by name."""
    needed = [each for each in all_of_it if each.default is Parameter.empty]
    for said in (needed, all_of_it):
        for most in (0, len(said)):
            given: list[Any] = []
            named: dict[str, Any] = {}
            for number, each in enumerate(said):
                if each.kind == Parameter.VAR_POSITIONAL:
                    given += [object()] if most else []
                elif each.kind == Parameter.VAR_KEYWORD:
                    named["whatever_else"] = object()
                # The first is by position at all times: it is `self`, whatever its name.
                elif each.kind in _BY_POSITION and (number < max(most, 1) or each.kind.value == 0):
                    given.append(object())
                else:
                    named[each.name] = object()
            yield given, named


def _rest_of(signature: Signature) -> set[str]:
    return {name for name, each in signature.parameters.items() if each.kind in _THE_REST}
