"""`await publish(…)` and `await wait_for(…)`: events that a workflow sends and waits for."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pavane.core.expressions.functions import FUNCTIONS
from pavane.core.model.event import SINK
from pavane.core.model.workflow import Step
from pavane.errors import DefinitionError
from pavane.language import outside
from pavane.language.bindings import Bindings, Level
from pavane.language.contract import record_fields, type_name, without_none
from pavane.language.durations import conductor_duration, parse_duration
from pavane.language.kinds import CONVERSIONS, conversion
from pavane.language.names import is_comprehension_variable
from pavane.language.operands import operand_truth
from pavane.language.source import MISSING
from pavane.language.steps import duration_inputs
from pavane.language.values import NOTHING, Value, members_of, or_nothing, step_result, stepped
from pavane.language.writing import written

if TYPE_CHECKING:
    from pavane.language.writer import Writer

Ready = Callable[[], Value]

_EVENT: Final = "event"  # what a filter calls the event
_EXAMPLE: Final = (
    "Write wait_for(OrderPaid, where=lambda event: event.order_id == order.id, timeout='2d')."
)


def publishing(writer: Writer, node: ast.Call) -> Ready | None:
    """`publish(OrderCreated(…))`: an EVENT."""
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        writer.refuse(node, "publish() takes one event", "Write publish(OrderCreated(id=…)).")
        return None
    value = writer.reader.read(node.args[0])
    if value.poison:
        return None
    kind = without_none(value.type)[0]
    type = _type_of(kind)
    if not type:
        writer.refuse(
            node.args[0],
            f"publish() takes an event, not {type_name(kind)}",
            "Give it an object of a class that derives from Event.",
        )
        return None
    members = value.fields or {
        each.wire: Value(stepped(value.expr, each.wire), type=each.type)
        for each in record_fields(kind) or ()
    }
    inputs = {name: writer.template(node, member) for name, member in members.items()}

    def emit() -> Value:
        ref = writer.work.names.new(f"publish_{_snake(kind)}")
        writer.work.uses.add("event")
        step = Step(
            name=ref,
            task_reference_name=ref,
            type="EVENT",
            sink=f"{SINK}{type}",
            input_parameters=inputs,
        )
        writer.emit(node, step)
        return NOTHING

    return emit


def waiting(writer: Writer, node: ast.Call) -> Ready | None:
    """`wait_for(OrderPaid, where=lambda event: …, timeout="2d")`: a WAIT for an event."""
    kind: Any = outside.static(writer.reader, node.args[0]) if len(node.args) == 1 else MISSING
    type = _type_of(kind)
    if not type:
        writer.refuse(node, "wait_for() takes the class of an event", _EXAMPLE)
        return None
    given = {each.arg: each.value for each in node.keywords}
    if unknown := sorted(str(name) for name in given.keys() - {"where", "timeout", "early"}):
        writer.refuse(node, f"wait_for() takes no '{unknown[0]}'", _EXAMPLE)
        return None
    inputs = _Condition(writer, kind).inputs(node, given.get("where"))
    if inputs is None:
        return None
    timed = "timeout" in given and not _is_none(given["timeout"])
    if timed:
        value = writer.reader.read(given["timeout"])
        more = (
            None if value.poison else duration_inputs(writer, given["timeout"], value, "timeout=")
        )
        if more is None:
            return None
        inputs |= more
    if "early" in given and not _early(writer, given["early"], inputs):
        return None

    def emit() -> Value:
        ref = writer.work.names.new(f"wait_for_{_snake(kind)}")
        writer.work.uses.add("event")
        body = {"event": type, **inputs}
        step = Step(name=ref, task_reference_name=ref, type="WAIT", input_parameters=body)
        writer.emit(node, step)
        found = step_result(ref, kind)
        return or_nothing(found) if timed else found

    return emit


def _early(writer: Writer, node: ast.expr, inputs: dict[str, Any]) -> bool:
    """Note how long before the step an event may come; False after a finding."""
    value = writer.reader.read(node)
    if value.poison:
        return False
    try:
        if not isinstance(value.expr, ast.Constant):
            raise DefinitionError("early= is worked out, and how long events are kept is not.")
        seconds = parse_duration(value.expr.value)  # type: ignore[arg-type]  # anything else is refused there
    except (DefinitionError, TypeError, ValueError) as error:
        said = getattr(error, "message", f"{ast.unparse(node)} is not a duration.")
        writer.refuse(node, said, 'Write it out, such as "1h" or 0.')
        return False
    inputs["early"] = conductor_duration(seconds)
    return True


class _Condition:
    """Parts a condition into fields that must be equal, and a filter for the rest."""

    def __init__(self, writer: Writer, kind: Any) -> None:
        self._writer = writer
        self._kind = kind
        self._variable = ""
        self._given: dict[str, Value] = {}  # what the filter reads besides the event

    def inputs(self, node: ast.Call, where: ast.expr | None) -> dict[str, Any] | None:
        """`match`, and `filter` with what it reads; None after a finding."""
        writer = self._writer
        spec = where.args if isinstance(where, ast.Lambda) else None
        if spec is None or len(spec.args) != 1 or spec.vararg or spec.kwonlyargs or spec.defaults:
            writer.refuse(
                where or node, "wait_for() needs `where`, a lambda that takes the event", _EXAMPLE
            )
            return None
        assert isinstance(where, ast.Lambda)
        self._variable = spec.args[0].arg
        match: dict[str, Any] = {}
        rest: list[ast.expr] = []
        with self._event_in_sight():
            for test in _joined_by_and(where.body):
                equal = self._equality(test)
                if equal is None or equal[0] in match:
                    value = writer.reader.test(test)
                    if value.poison:
                        return None
                    rest.append(operand_truth(writer.site, test, value))
                else:
                    match[equal[0]] = writer.template(test, equal[1])
        if not match:
            writer.refuse(
                where,
                "`where` needs at least one `event.field == value`, so that an event finds its"
                " execution without a scan",
                _EXAMPLE,
            )
            return None
        found: dict[str, Any] = {"match": match}
        if rest:
            whole = rest[0] if len(rest) == 1 else ast.BoolOp(ast.And(), rest)
            found["filter"] = written(_Inputs(self._given).visit(whole))
        for name, value in self._given.items():
            found[name] = writer.template(where, value)
        return found

    @contextmanager
    def _event_in_sight(self) -> Generator[None]:
        """The lambda's parameter means the event; nothing can be awaited."""
        reader = self._writer.reader
        outer = reader.bindings
        event = Value(ast.Name(_EVENT, ast.Load()), type=self._kind)
        level = Level(frozenset({self._variable}), {self._variable: event})
        reader.bindings = Bindings([*outer.levels, level])
        try:
            with reader.skippable():
                yield
        finally:
            reader.bindings = outer

    def _equality(self, test: ast.expr) -> tuple[str, Value] | None:
        """A field of the event that must equal a value, if that is what the test says."""
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return None
        if not isinstance(test.ops[0], ast.Eq):
            return None
        sides = test.left, test.comparators[0]
        for field, other in (sides, sides[::-1]):
            if not self._is_field(field) or self._reads_event(other):
                continue
            named, value = self._writer.reader.read(field), self._writer.reader.read(other)
            if named.poison or value.poison:
                return None
            members = members_of(named.expr)
            # What has to be converted first (a Decimal, a date) may be equal and written otherwise,
            # and what has a default may be left out.
            plain = not conversion(without_none(named.type)[0]) and named.guarded is None
            texts = members is not None and all(isinstance(each, str) for each in members)
            if plain and texts and not conversion(without_none(value.type)[0]):
                return ".".join(map(str, (members or ())[1:])), value
        return None

    def _is_field(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Attribute):
            return False
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id == self._variable

    def _reads_event(self, node: ast.expr) -> bool:
        names = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        return self._variable in names


class _Inputs(ast.NodeTransformer):
    """Takes what a filter reads besides the event out of it: inputs of the step, by name."""

    def __init__(self, given: dict[str, Value]) -> None:
        self._given = given

    def visit(self, node: ast.AST) -> Any:
        """Paths from elsewhere become names; all else stays."""
        if isinstance(node, ast.expr):
            members = members_of(node)
            if members is not None and self._is_elsewhere(str(members[0])):
                return ast.Name(self._name(node), ast.Load())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.args = [self.visit(each) for each in node.args]
            return node
        return super().visit(node)

    @staticmethod
    def _is_elsewhere(root: str) -> bool:
        known = root == _EVENT or root in FUNCTIONS or root in CONVERSIONS.values()
        return not known and not is_comprehension_variable(root)

    def _name(self, node: ast.expr) -> str:
        shown = ast.dump(node)
        for name, value in self._given.items():
            if ast.dump(value.expr) == shown:
                return name
        name = f"given_{len(self._given) + 1}"
        self._given[name] = Value(node)
        return name


def _joined_by_and(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for each in node.values:
            yield from _joined_by_and(each)
    else:
        yield node


def _type_of(kind: Any) -> str:
    """The name of an event type; "" for what is no event, or has no type of its own."""
    found = getattr(kind, "__event_type__", "") if isinstance(kind, type) else ""
    return found if isinstance(found, str) else ""


def _snake(kind: type) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
