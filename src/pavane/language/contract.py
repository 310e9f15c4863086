"""How Python types travel: what is an object on the wire, and which fields it has.

Outputs of steps and workflows are always objects. A result of an object type *is* the output; any
other is wrapped as `{"result": v}`; a result annotated `None` is `{}`. Everybody who writes or
reads an output asks here, so that all agree.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

RESULT = "result"
"""The member under which a result that is no object travels."""


def plain(tp: Any) -> Any:
    """A type without `Annotated` and `NewType` around it."""
    while True:
        if get_origin(tp) is Annotated:
            tp = get_args(tp)[0]
        elif isinstance(tp, NewType):
            tp = tp.__supertype__
        elif tp is inspect.Parameter.empty:
            return Any
        elif isinstance(tp, TypeVar):
            return tp.__bound__ or Any
        else:
            return NoneType if tp is None else tp


def _class_of(tp: Any) -> type[Any] | None:
    """The class of a type, also of one with parameters; None for unions and the like."""
    bare = plain(tp)
    origin: Any = get_origin(bare) or bare
    return origin if isinstance(origin, type) else None


def is_none(tp: Any) -> bool:
    """Whether a result type says that there is no result."""
    return plain(tp) is NoneType


def is_object(tp: Any) -> bool:
    """Whether values of this type are the output object themselves.

    True for structs, dataclasses, TypedDicts, pydantic models, dict and Mapping; false for unions
    (also `X | None`), `Any` and a missing annotation, which are wrapped.
    """
    origin = _class_of(tp)
    if origin is None:
        return False
    if issubclass(origin, dict) or origin is collections.abc.Mapping:
        return True
    if origin is collections.abc.MutableMapping:
        return True
    return _is_record(origin)


def _is_record(origin: type[Any]) -> bool:
    if issubclass(origin, msgspec.Struct):
        return not origin.__struct_config__.array_like
    return dataclasses.is_dataclass(origin) or _is_typed_dict(origin) or _is_pydantic(origin)


def _is_typed_dict(origin: type[Any]) -> bool:
    return hasattr(origin, "__total__") and issubclass(origin, dict)


def _is_pydantic(origin: type[Any]) -> bool:
    return isinstance(getattr(origin, "model_fields", None), dict)


def is_record(tp: Any) -> bool:
    """Whether a type has named fields that Python reads as attributes."""
    origin = _class_of(tp)
    return origin is not None and _is_record(origin) and not _is_typed_dict(origin)


def is_typed_dict(tp: Any) -> bool:
    """Whether a type is a TypedDict."""
    origin = _class_of(tp)
    return origin is not None and _is_typed_dict(origin)


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A field of an object type: its Python name, its name on the wire, its type and default."""

    name: str
    wire: str
    type: Any
    default: Any = inspect.Parameter.empty  # a value as Python has it; empty where required


def record_fields(tp: Any) -> tuple[Field, ...] | None:
    """The fields of a record or TypedDict, or None where they are not known."""
    origin = _class_of(tp)
    if origin is None or not is_object(origin):
        return None
    hints = _hints(origin)
    if issubclass(origin, msgspec.Struct):
        return tuple(_struct_field(each, hints) for each in msgspec.structs.fields(origin))
    if dataclasses.is_dataclass(origin):
        return tuple(_dataclass_field(each, hints) for each in dataclasses.fields(origin))
    if _is_typed_dict(origin):
        return tuple(Field(name, name, hints[name]) for name in hints)
    if _is_pydantic(origin):
        return tuple(_pydantic_field(name, each) for name, each in origin.model_fields.items())
    return None


def fields_of(tp: Any) -> dict[str, Any] | None:
    """Field names and their types, or None where the type has no known fields."""
    fields = record_fields(tp)
    return None if fields is None else {field.name: field.type for field in fields}


def _hints(origin: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(origin)
    except (NameError, TypeError, AttributeError):  # names that only a type checker sees
        return {
            name: Any for cls in origin.__mro__ for name in vars(cls).get("__annotations__", ())
        }


def _struct_field(each: msgspec.structs.FieldInfo, hints: dict[str, Any]) -> Field:
    default: Any = inspect.Parameter.empty
    if each.default is not msgspec.NODEFAULT:
        default = each.default
    elif each.default_factory is not msgspec.NODEFAULT:
        default = each.default_factory()
    return Field(each.name, each.encode_name, hints.get(each.name, Any), default)


def _dataclass_field(each: dataclasses.Field[Any], hints: dict[str, Any]) -> Field:
    default: Any = inspect.Parameter.empty
    if each.default is not dataclasses.MISSING:
        default = each.default
    elif each.default_factory is not dataclasses.MISSING:
        default = each.default_factory()
    return Field(each.name, each.name, hints.get(each.name, Any), default)


def _pydantic_field(name: str, each: Any) -> Field:
    default = inspect.Parameter.empty if each.is_required() else each.get_default()
    return Field(name, name, each.annotation, default)


def wire_tag(tp: Any) -> tuple[str, Any] | None:
    """The member by which a tagged struct names its type on the wire, if it has one."""
    origin = _class_of(tp)
    if origin is not None and issubclass(origin, msgspec.Struct):
        config = origin.__struct_config__
        if config.tag is not None and config.tag_field is not None:
            return config.tag_field, config.tag
    return None


def leaves_defaults_out(tp: Any) -> bool:
    """Whether a struct is written without the fields that have their default value."""
    config = getattr(_class_of(without_none(tp)[0]), "__struct_config__", None)
    return bool(getattr(config, "omit_defaults", False))


def without_none(tp: Any) -> tuple[Any, bool]:
    """The type without `None` in its union, and whether `None` was there."""
    tp = plain(tp)
    if get_origin(tp) not in (Union, UnionType):
        return tp, False
    members = [plain(member) for member in get_args(tp)]
    rest = [member for member in members if member is not NoneType]
    if len(rest) == len(members):
        return tp, False
    return (rest[0] if len(rest) == 1 else Union[tuple(rest)]), True  # noqa: UP007  # built from a tuple


def type_name(tp: Any) -> str:
    """The name of a type as messages use it."""
    tp = plain(tp)
    if tp is NoneType:
        return "None"
    if get_origin(tp) is not None:
        return str(tp).replace("typing.", "")
    return tp.__name__ if isinstance(tp, type) else str(tp).replace("typing.", "")


def wire_value(value: Any) -> Any:
    """A constant as it travels: enum members as their values, the rest as JSON-like data."""
    if isinstance(value, Enum):
        return wire_value(value.value)
    return msgspec.to_builtins(value)
