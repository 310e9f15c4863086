"""The typed door of a task: JSON in, checked arguments; a result, checked JSON out.

One msgspec struct per task has a field for each parameter, so that one typed decode does all the
checking. Results are encoded once and, unless their exact type settles it, decoded against the
annotation: what a caller will read is what was promised.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from pavane.errors import DefinitionError, InputError, TooLargeError
from pavane.language.contract import is_none, is_object, is_typed_dict, plain, type_name
from pavane.sdk.parameters import Shape

MAX_OUTPUT_BYTES = 5_000_000

_EXACT = (bool, int, str)
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_GOT = re.compile(r"^Expected `([^`]*)`, got `([^`]*)`$")
_REMEDY_TYPES = (
    "Use msgspec structs, dataclasses, TypedDicts, pydantic models, lists, dicts and plain values."
)


class _Wrapped(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")


class Contract:
    """Decodes the arguments of one task and encodes its results. Safe to use from any thread."""

    __slots__ = (
        "_check",
        "_class",
        "_decode",
        "_exact",
        "_none",
        "_picks",
        "_task",
        "_undoing",
        "_wrap",
        "returns",
    )

    def __init__(self, task: str, place: str, shape: Shape) -> None:
        self._task = task
        self.returns = shape.returns
        self._decode = _argument_decoder(task, place, shape)
        self._undoing = _argument_decoder(task, place, shape, undoing=True)
        self._picks = _pickers(shape)
        self._wrap = not is_object(shape.returns)
        self._none = is_none(shape.returns)
        returns = plain(shape.returns)
        self._exact: type | None = returns if returns in _EXACT else None
        self._class: type | None = None
        if isinstance(returns, type) and is_object(returns) and not is_typed_dict(returns):
            self._class = returns
        self._check = None if self._none else _result_decoder(place, returns)

    def arguments(
        self, body: bytes, context: object, database: object = None, *, undoing: bool = False
    ) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments from an input; InputError names the bad field.

        `undoing`: a result that nobody knows comes as None, whatever the annotation says.
        """
        decode = self._undoing if undoing else self._decode
        if decode is None:
            given = None
        else:
            try:
                given = decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(f"{self._task}: {describe(error, 'input')}.") from error
            except RecursionError as error:
                raise TooLargeError(f"{self._task}: the input is nested too deeply.") from error
        by_position, by_keyword = self._picks
        hidden = (context, database)
        return by_position(given, hidden), by_keyword(given, hidden)

    def result(self, value: object) -> bytes:
        """The output object; InputError where the value is not what the task promised."""
        if self._none:
            if value is not None:
                raise InputError(
                    f"{self._task} returned {_a(type(value))}, but is annotated to return None."
                )
            return b"{}"
        body = self._encode(value)
        if self._check is not None and type(value) is not self._exact:
            self._settle(value, body, self._check)
        if len(body) > MAX_OUTPUT_BYTES:
            raise TooLargeError(
                f"{self._task} returned {len(body)} bytes, more than {MAX_OUTPUT_BYTES}.",
                "Keep the data elsewhere and return a reference to it.",
            )
        return b'{"result":' + body + b"}" if self._wrap else body

    def value(self, output: bytes) -> Any:
        """The typed value in an output object; InputError where it does not fit."""
        if self._none:
            return None
        try:
            if not self._wrap:
                return msgspec.json.decode(output) if self._check is None else self._check(output)
            inner = msgspec.json.decode(output, type=_Wrapped).result
            return msgspec.json.decode(inner) if self._check is None else self._check(inner)
        except msgspec.DecodeError as error:
            raise InputError(f"{self._task}: {describe(error, 'output')}.") from error

    def _encode(self, value: object) -> bytes:
        try:
            return encode(value)
        except RecursionError as error:
            raise TooLargeError(
                f"{self._task} returned what is nested too deeply, or contains itself."
            ) from error
        except (TypeError, ValueError, NotImplementedError) as error:
            raise InputError(
                f"{self._task} returned {_a(type(value))} that cannot be written as JSON: {error}.",
                _REMEDY_TYPES,
            ) from error

    def _settle(self, value: object, body: bytes, check: Callable[[bytes], Any]) -> None:
        """Check the encoded value against the annotation."""
        expected = self._class
        if expected is not None and not isinstance(value, (expected, dict)):
            raise InputError(
                f"{self._task} returned {_a(type(value))} instead of {_a(expected)}.",
            )
        try:
            check(body)
        except msgspec.ValidationError as error:
            raise InputError(
                f"{self._task} returned a wrong result: {describe(error, '')}."
            ) from error
        except RecursionError as error:
            raise TooLargeError(f"{self._task} returned what is nested too deeply.") from error


def describe(error: Exception, whole: str) -> str:
    """A decoding error as `path: what is wrong`; `whole` names the place where there is no path."""
    if isinstance(error, UnicodeDecodeError):
        return f"{whole or 'it'} is not UTF-8 text"
    if not isinstance(error, msgspec.ValidationError):
        return f"{whole or 'it'} is not JSON ({error})"
    found = _AT.match(str(error))
    what, path, key = (found["what"], found["path"] or "", found["key"]) if found else ("", "", "")
    missing = re.match(r"^Object missing required field `([^`]*)`$", what)
    if missing:
        what, path = "is missing", f"{path}.{missing[1]}"
    else:
        what = _GOT.sub(r"expected \1, got \2", what) or str(error)
    cause = error.__cause__
    if isinstance(cause, _Nested):
        path += "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in cause.path)
    path = path.replace("[...]", "[*]").lstrip(".") or whole
    what = what[:1].lower() + what[1:]
    where = f"a key of {path}" if key else path
    return f"{where}: {what}" if where else what


def _a(kind: type) -> str:
    return "None" if kind is type(None) else f"a value of type {type_name(kind)}"


# --- building -----------------------------------------------------------------------------------


def _argument_decoder(
    task: str, place: str, shape: Shape, *, undoing: bool = False
) -> Callable[[bytes], Any] | None:
    """A typed decode of the input object into a struct with a field per parameter."""
    fields: list[tuple[str, Any, Any]] = []
    for name, parameter in shape.signature.parameters.items():
        if name.startswith("__"):
            raise DefinitionError(
                f"{place}: parameter {name!r} cannot be a field.", "Rename it without underscores."
            )
        annotation = parameter.annotation
        wanted = Any if annotation in (inspect.Parameter.empty, object) else annotation
        check_type(wanted, f"{place}: parameter {name!r}")
        if undoing:
            wanted = wanted | None
        fields.append((name, wanted, _field(parameter.default)))
    if not fields:
        return None
    arguments = msgspec.defstruct(f"{task} arguments", fields, kw_only=True, gc=False)
    return msgspec.json.Decoder(arguments, dec_hook=_decode_foreign).decode


def _field(default: Any) -> Any:
    if default is inspect.Parameter.empty:
        return msgspec.field()
    # A factory, so that any object may be a default; it is shared between calls, as in Python.
    return msgspec.field(default_factory=lambda: default)


def _result_decoder(place: str, returns: Any) -> Callable[[bytes], Any] | None:
    if returns in (Any, object):
        return None
    return decoder_of(returns, f"{place}: its result")


def _pickers(shape: Shape) -> tuple[Callable[..., list[Any]], Callable[..., dict[str, Any]]]:
    """How to spread the decoded struct over the call."""
    hidden = {name: n for n, name in enumerate((shape.context, shape.database)) if name}
    names = tuple(name for name in shape.positional if name not in hidden)
    at = [(n, hidden[name]) for n, name in enumerate(shape.positional) if name in hidden]
    get: Any = attrgetter(*names) if names else None

    def by_position(given: Any, asked: tuple[object, object]) -> list[Any]:
        found = [] if get is None else [get(given)] if len(names) == 1 else list(get(given))
        for place, which in at:
            found.insert(place, asked[which])
        return found

    def by_keyword(given: Any, asked: tuple[object, object]) -> dict[str, Any]:
        return {
            name: asked[hidden[name]] if name in hidden else getattr(given, name)
            for name in shape.keyword
        }

    return by_position, by_keyword


def check_type(wanted: Any, what: str) -> None:
    """DefinitionError when values of a type cannot come from JSON."""
    try:
        info = msgspec.inspect.type_info(wanted)
        msgspec.json.Decoder(wanted, dec_hook=_decode_foreign)
    except (TypeError, NameError) as error:
        raise DefinitionError(
            f"{what} has a type that cannot be read from JSON: {error}.", _REMEDY_TYPES
        ) from error
    for foreign in _foreign_types(info):
        if not _is_pydantic(foreign):
            raise DefinitionError(
                f"{what} contains {type_name(foreign)}, which cannot be read from JSON.",
                _REMEDY_TYPES,
            )


def decoder_of(wanted: Any, what: str) -> Callable[[bytes], Any]:
    """A typed decode of JSON; DefinitionError that begins with `what` where there is none."""
    check_type(wanted, what)
    return msgspec.json.Decoder(wanted, dec_hook=_decode_foreign).decode


def _foreign_types(info: object) -> list[Any]:
    """The types inside that msgspec leaves to a hook."""
    found: list[Any] = []
    pending: list[object] = [info]
    seen: set[int] = set()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, msgspec.inspect.CustomType):
            found.append(item.cls)
        elif isinstance(item, tuple):
            pending.extend(item)  # pyright: ignore[reportUnknownArgumentType]  # descriptions of types
        elif isinstance(item, (msgspec.inspect.Type, msgspec.inspect.Field)):
            pending.extend(getattr(item, name) for name in item.__struct_fields__)
    return [each for each in found if each is not object]


# --- pydantic, known by its shape ---------------------------------------------------------------


class _Nested(ValueError):
    """A foreign type's refusal of a field inside it."""

    def __init__(self, message: str, path: tuple[object, ...]) -> None:
        super().__init__(message)
        self.path = path


def _is_pydantic(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "model_validate")


def _decode_foreign(kind: Any, value: object) -> Any:
    if kind is object:
        return value
    if not _is_pydantic(kind):
        raise NotImplementedError  # so msgspec wants to be told that a type is unknown to its hook
    try:
        return kind.model_validate(value)
    except ValueError as error:
        errors = getattr(error, "errors", None)
        if errors is None:
            raise
        first = errors()[0]
        raise _Nested(first["msg"], tuple(first["loc"])) from error


def _encode_foreign(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        what = f"{type(value).__name__} has no JSON form"
        raise NotImplementedError(what)  # so msgspec wants to be told
    return dump(mode="json")


encode = msgspec.json.Encoder(enc_hook=_encode_foreign).encode
"""Any value that contracts allow, as JSON."""
