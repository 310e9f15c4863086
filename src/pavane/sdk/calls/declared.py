"""What the author of a task writes about its call, and the template that it becomes."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pavane.core.check.calls import SECRET, check_call
from pavane.core.expressions.placeholders import alone, in_text, in_value
from pavane.core.model.call import Call as Template
from pavane.core.model.call import Kind
from pavane.errors import DefinitionError, ExpressionError
from pavane.language.contract import is_none, is_object

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# What the body of a function may consist of that does nothing: `...`, `pass` or a docstring.
_NOTHING = frozenset(
    {"RESUME", "RETURN_GENERATOR", "POP_TOP", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    | {"CALL_INTRINSIC_1", "RERAISE", "GEN_START", "COPY_FREE_VARS", "MAKE_CELL"}
)


class Call(msgspec.Struct, frozen=True):
    """A call as `Call("POST /orders/{order_id}/reservations", headers=…, query=…, body=…)`.

    Texts may hold placeholders for the task's inputs, `{order_id}` or `{order.id}`; in a header
    also `{secret.NAME}` for PAVANE_SECRET_NAME in the environment of whoever makes the call, where
    PAVANE_SECRET_NAME_HOSTS names the places that it may go to.
    `query` may be a list of inputs by name. `body` is any JSON, in which a text that is one
    placeholder stands for the value itself; left out, a POST, PUT or PATCH sends the inputs that
    stand nowhere else, as one object. `done_on`, `retry_on` and `fail_on` are statuses that mean
    something else for this task than usual.
    """

    request: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] | Sequence[str] = {}
    body: Any = msgspec.UNSET
    done_on: Sequence[int] = ()
    retry_on: Sequence[int] = ()
    fail_on: Sequence[int] = ()

    def template(self, url: str, inputs: Sequence[str], returns: Any) -> Template:
        """The call of a task with these inputs at a service with this url; DefinitionError."""
        method, _, path = self.request.strip().partition(" ")
        path = path.strip()
        if not path.startswith("/"):
            raise DefinitionError(
                f"The call {self.request!r} is no method and path.",
                'Write it like "POST /orders/{order_id}/reservations".',
            )
        query = self.query
        if not isinstance(query, Mapping):
            query = {name: "{" + name + "}" for name in query}
        template = Template(
            method=method,
            url=url + path,
            headers=dict(self.headers),
            query=dict(query),
            done_on=[*self.done_on],
            retry_on=[*self.retry_on],
            fail_on=[*self.fail_on],
            result=_kind(returns),
        )
        try:
            body = self._body(template, inputs)
        except ExpressionError as error:
            raise DefinitionError(
                f"The call {self.request!r}: {error.message}", error.remedy
            ) from error
        template = msgspec.structs.replace(template, body=body)
        findings = [*check_call(template, inputs), *_unused(template, inputs)]
        if SECRET in inputs:
            findings.append(f"a parameter cannot be named {SECRET!r}")
        if findings:
            raise DefinitionError(f"The call {self.request!r}: {'; '.join(findings)}.")
        return template

    def _body(self, template: Template, inputs: Sequence[str]) -> Any:
        if self.body is not msgspec.UNSET:
            return msgspec.to_builtins(self.body)
        if template.method not in _WITH_BODY:
            return None
        elsewhere = {path[0] for path in in_text(template.url) if len(path) == 1}
        for text in [*template.query.values(), *template.headers.values()]:
            path = alone(text)
            elsewhere |= {path[0]} if path is not None and len(path) == 1 else set()
        left = {name: "{" + name + "}" for name in inputs if name not in elsewhere}
        return left or None


def _kind(returns: Any) -> Kind:
    if is_none(returns):
        return "nothing"
    return "object" if is_object(returns) else "value"


def _unused(template: Template, inputs: Sequence[str]) -> list[str]:
    texts = [template.url, *template.query.values(), *template.headers.values()]
    try:
        used = {path[0] for text in texts for path in in_text(text)}
        used |= {path[0] for path in in_value(template.body)}
    except ExpressionError:
        return []  # said already
    return [
        f"the input {name!r} stands nowhere in it; put it into the query, or leave it out"
        for name in inputs
        if name not in used
    ]


def is_only_declared(function: Callable[..., Any]) -> bool:
    """Whether a function has nothing to do: its body is `...`, `pass` or a docstring."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return False
    for each in dis.get_instructions(code):
        if each.opname not in _NOTHING:
            return False
        if each.opname in {"LOAD_CONST", "RETURN_CONST"} and each.argval is not None:
            return False
    return True
