"""Reading a task function: its parameters and result with resolved annotations."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from pavane.errors import DefinitionError
from pavane.sdk.asking import database_in
from pavane.sdk.context import TaskContext


class Shape(msgspec.Struct, frozen=True):
    """What a task function takes and gives, as callers see it."""

    signature: inspect.Signature  # without the context and the database
    returns: Any  # inspect.Parameter.empty where it is not annotated
    context: str  # the name of the parameter that asks for a TaskContext, or ""
    positional: tuple[str, ...]  # parameters passed by position, the hidden ones among them
    keyword: tuple[str, ...]  # parameters passed by keyword, the hidden ones among them
    is_async: bool
    database: str = ""  # the name of the parameter that asks for the service's database, or ""
    asks: str = ""  # for which connection, see `asking`


_VARIABLE = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def read_shape(function: Callable[..., Any], frame: types.FrameType | None) -> Shape:
    """The shape of a task function; `frame` is where it was defined, if inside a function.

    DefinitionError names the function and its place for what cannot be a task.
    """
    place = place_of(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise DefinitionError(
            f"{place} is a generator, which cannot be a task.",
            "Return a list, or start a workflow step for each element.",
        )
    hints = hints_of(function, frame)
    signature = inspect.signature(function)
    is_async = inspect.iscoroutinefunction(function)
    context = database = asks = ""
    positional: list[str] = []
    keyword: list[str] = []
    visible: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind in _VARIABLE:
            raise DefinitionError(
                f"{place} takes {_VARIABLE[parameter.kind]}{name}, which has no names in JSON.",
                "Name each parameter of a task.",
            )
        annotation = hints.get(name, parameter.annotation)
        by_keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        (keyword if by_keyword else positional).append(name)
        if annotation is TaskContext:
            _ensure_one(place, "TaskContexts", context, name)
            context = name
        elif asked := database_in(annotation, name, place, is_async=is_async):
            _ensure_one(place, "Connections", database, name)
            database, asks = name, asked
        else:
            visible.append(parameter.replace(annotation=annotation))
    returns = hints.get("return", signature.return_annotation)
    return Shape(
        signature=signature.replace(parameters=visible, return_annotation=returns),
        returns=returns,
        context=context,
        positional=tuple(positional),
        keyword=tuple(keyword),
        is_async=is_async,
        database=database,
        asks=asks,
    )


def _ensure_one(place: str, what: str, first: str, second: str) -> None:
    if first:
        raise DefinitionError(
            f"{place} asks for two {what}, {first} and {second}.", "Keep one of them."
        )


def place_of(function: Callable[..., Any]) -> str:
    """The function's name, with file and line where they are known, for messages."""
    plain = _innermost(function)
    name = getattr(plain, "__name__", repr(plain))
    code = getattr(plain, "__code__", None)
    if not isinstance(code, types.CodeType):
        return name
    file = code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{name} ({file}:{code.co_firstlineno})"


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = typing.cast("Callable[..., Any]", function.func)
    return inspect.unwrap(function)


def hints_of(function: Callable[..., Any], frame: types.FrameType | None) -> dict[str, Any]:
    """Annotations with their names looked up: late, so that they may be defined further down."""
    place = place_of(function)
    plain = _innermost(function)
    if not hasattr(plain, "__annotations__"):
        plain = type(plain).__call__
    try:
        return typing.get_type_hints(
            plain, localns=dict(frame.f_locals) if frame else None, include_extras=True
        )
    except NameError as error:
        raise DefinitionError(
            f"{place}: an annotation names {error.name!r}, which is not defined there.",
            "Define or import it where the task is (not only under TYPE_CHECKING).",
        ) from error
    except (TypeError, AttributeError, SyntaxError) as error:
        raise DefinitionError(
            f"{place}: its annotations cannot be read: {error}.", "Correct the annotation."
        ) from error
