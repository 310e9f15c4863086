"""Writing the steps of a definition: in natural forms where one is known, else written out.

Whether a natural form means the same is not decided here: whoever asks compiles the text and names
the steps that came out otherwise, to be written out the next time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step
from pavane.language.back import calls, choices, enclosed, ends, rounds, sides
from pavane.language.back.data import STANDARD, Names
from pavane.language.back.shapes import CONVERTED, REQUIRED, Shape
from pavane.language.back.stubs import NoFormError, Stub, Stubs, is_plain
from pavane.language.back.wishes import Called, Wishes, shown
from pavane.language.back.written import Code, written_call, written_fields

Form = Callable[["Writing", Step, Step | None, Names], int]
"""Writes a step, or it and the following one; gives how many it wrote, 0 where it has no form."""

OUR_NAMES = frozenset(
    [
        *("step", "decision", "loop", "fork", "definition", "js", "jq"),
        *("workflow", "Service", "Event", "Fail", "StepFailed", "sleep", "until", "gather"),
        *("scope", "publish", "wait_for", "person", "race", "Any", "event", "msgspec", "_", "item"),
        *(each for known in STANDARD.values() for each in known),
    ]
)

FORMS: Mapping[str, Form] = {
    "SIMPLE": calls.called,
    "FORK_JOIN": sides.forked,
    "FORK_JOIN_DYNAMIC": sides.fan,
    "SWITCH": choices.choice,
    "DO_WHILE": rounds.loop,
    "SUB_WORKFLOW": enclosed.scope,
    "SET_VARIABLE": ends.assigned,
    "NOOP": ends.nothing,
    "TERMINATE": ends.ended,
    "WAIT": calls.called,
    "EVENT": calls.called,
    "HUMAN": calls.called,
}


class Writing:
    """The text of one workflow while it is written."""

    def __init__(
        self, wishes: Wishes, written_out: frozenset[str], explicit: frozenset[str]
    ) -> None:
        self.workflow = wishes.workflow
        self.wishes = wishes
        self.explicit = explicit  # steps whose variables are named even where nobody reads them
        self.written_out = written_out | {
            inside.ref
            for step in wishes.steps
            if step.ref in written_out and step.type in ("SWITCH", "DO_WHILE")
            for inside in all_steps([step])
            if inside.type == "SET_VARIABLE"  # which is not known behind it
        }
        self.shown = wishes.shown
        self.stubs = Stubs(OUR_NAMES)
        self.lines: list[str] = []
        self.at: dict[int, str] = {}
        self.depth = 1
        self.function = ""  # the name of the function that is written
        self.words: set[str] = set()
        self.public: set[str] = {"workflow"}
        self.loops: list[str] = []  # the natural ones around; "" for one that is written out
        self.breaks: dict[str, set[str | None]] = {}  # by SWITCH, the cases that leave the loop
        self._read: set[str] = set()  # what was explicit
        self.returns = False
        self.wraps = False  # what is returned stands under `result`

    def variables(self) -> dict[str, str]:
        """The variables that are set by natural steps only, by their paths."""
        settings = [each for each in self.wishes.steps if each.type == "SET_VARIABLE"]
        out = [each for each in settings if each.ref in self.written_out]
        lost = {key for each in out for key in each.input_parameters}
        found: dict[str, str] = {}
        for each in settings:
            author = each.metadata.get("pavane", {}).get("variables", {})
            for key in each.input_parameters:
                path = f"workflow.variables.{key}"
                if key not in lost and path not in found:
                    found[path] = self.stubs.fresh(str(author.get(key, key)))
        return found

    def type_of(self, shape: Shape, wish: str) -> str:
        """The name of a shape's type, with a class of its own for an object."""
        if shape.record:
            name = self._class(shape, wish)
        elif shape.known.is_mapping:
            name = "dict[str, Any]"
        elif shape.is_list:
            name = f"list[{self.type_of(shape.elements(), wish.rstrip('s'))}]"
        else:
            name = shape.kind or "Any"
        return f"{name} | None" if shape.is_optional and name != "Any" else name

    def _class(self, shape: Shape, wish: str, kind: str = "") -> str:
        record, is_new = self.stubs.record(id(shape.known), _capitals(wish), kind)
        if is_new:
            for name, member in shape.record.items():
                text = self.type_of(member.shape, name)
                if member.default is not REQUIRED:
                    text += f" = {default_of(member.default, text)}"
                record.fields[name] = text
        return record.name

    def event(self, kind: str, wish: str) -> str:
        """The class of a type of event."""
        shape = self.wishes.events[kind]
        if not all(map(is_plain, shape.known.fields)):
            raise NoFormError(kind)
        return self._class(shape, wish, kind)

    def stub(self, who: Called, version: int = 1) -> Stub:
        """The stub of a task, or of a workflow where there is no service."""
        service, name = who
        known, count = self.wishes.parameters.get(who, {}), self.wishes.calls.get(who, 0)
        if not all(map(is_plain, known)):
            raise NoFormError(name)
        own = not service and name == self.workflow.name
        given: dict[str, str] = {}
        may_lack = False
        for key, shapes in known.items():
            types = {self.type_of(each, key) for each in shapes}
            may_lack = may_lack or len(shapes) < count
            text = next(iter(types)) if len(types) == 1 else "Any"
            if may_lack and text != "Any" and not text.endswith("| None"):
                text += " | None"
            given[key] = f"{text} = None" if may_lack else text
        gives, wraps = self._given(who, self.wishes.results.get(who, Shape()))
        undo = self.wishes.undos.get(who)
        if undo is not None:
            self.stub(undo)
        made = Stub(name, service, self.function if own else "", gives, wraps, given, version, undo)
        return made if own else self.stubs.call(made)

    def _given(self, who: Called, shape: Shape) -> tuple[str, bool]:
        """The type of what a task gives, and whether it is wrapped."""
        name, is_whole = who[1], who in self.wishes.whole
        fields = shape.known.fields
        if [*fields] == ["result"] and not is_whole:
            inner = fields["result"].shape
            if inner.record and not inner.is_optional:
                return f"{self._class(inner, f'{name}_result')} | None", True  # else not wrapped
            is_object = inner.known.is_mapping and not inner.is_optional
            return "Any" if is_object else self.type_of(inner, f"{name}_result"), True
        if shape.record:
            return self._class(shape, f"{name}_result"), False
        is_read = bool(fields) or shape.known.is_mapping or is_whole or who in self.wishes.raced
        return ("dict[str, Any]", False) if is_read else ("None", True)

    # text

    def line(self, text: str) -> None:
        """One line at the present depth."""
        self.lines.append("    " * self.depth + text)

    def insert(self, at: int, text: str, ref: str) -> None:
        """One line more in front of others that are written already."""
        self.lines.insert(at, "    " * self.depth + text)
        self.at = {line + (line > at): each for line, each in self.at.items()}
        self.at[at + 1] = ref

    def block(self, steps: Iterable[Step], names: Names, last: str = "") -> None:
        """The steps of a block, and a last line; `pass` where there is nothing."""
        start, pending = len(self.lines), list(steps)
        before: list[Step] = []  # what is set in front of a loop
        while pending:
            each = pending.pop(0)
            taken = [each]
            first = len(self.lines) + 1
            if self._step(each, pending[0] if pending else None, names) == 2:
                taken.append(pending.pop(0))
            if each.type == "SET_VARIABLE":
                before.append(each)
            else:
                self._kept([*before, *(step for step in taken if step.type != "FORK_JOIN")], names)
                before = []
            for number in range(first, len(self.lines) + 1):
                self.at.setdefault(number, each.ref)
        if last:
            self.line(last)
        if len(self.lines) == start:
            self.line("pass")

    def _kept(self, steps: list[Step], names: Names) -> None:
        """Read what a choice or a loop hands on, where nobody else does any more."""
        for each in all_steps(steps):
            if each.type != "SET_VARIABLE" or each.ref not in self.explicit - self._read:
                continue
            self._read.add(each.ref)
            paths = [f"workflow.variables.{key}" for key in each.input_parameters]
            if found := [names[path] for path in paths if path in names]:
                self.line(f"_ = {', '.join(found)}")
                self.at[len(self.lines)] = each.ref

    def inside(self, steps: Iterable[Step], names: Names, last: str = "") -> None:
        """A block, one level deeper."""
        self.depth += 1
        self.block(steps, names, last)
        self.depth -= 1

    def is_read(self, path: str) -> bool:
        """Whether anything reads a path, or what is below it."""
        return path in self.wishes.read_paths

    def reads_beside(self, path: str, steps: Iterable[Step]) -> bool:
        """Whether a path is read by anything but these steps."""
        pattern = re.compile(rf"\b{re.escape(path)}\b")
        within = sum(len(pattern.findall(shown(each))) for each in steps)
        return len(pattern.findall(self.shown)) > within

    def _step(self, step: Step, following: Step | None, names: Names) -> int:
        if following is not None and following.ref in self.written_out:
            following = None
        form = FORMS.get(step.type)
        if form is not None and step.ref not in self.written_out:
            mark = len(self.lines)
            depth, loops = self.depth, list(self.loops)
            try:
                if taken := form(self, step, following, names):
                    return taken
            except NoFormError:
                self.depth, self.loops = depth, loops
            del self.lines[mark:]
            self.at = {line: ref for line, ref in self.at.items() if line <= mark}
        self._out(step, names)
        return 1

    # written out

    def _out(self, step: Step, names: Names) -> None:
        if step.type in ("SWITCH", "DECISION"):
            self.words.add("decision")
            kind = [] if step.type == "SWITCH" else [repr(step.type)]
            self._call("match decision", kind, self._fields(step), ":")
            self.loops.append("")
            choices.cases(self, step, names)
            self.loops.pop()
        elif step.type == "DO_WHILE":
            self.words.add("loop")
            self._call("while loop", [], self._fields(step), ":")
            self.loops.append("")
            self.inside(step.loop_over, names)
            self.loops.pop()
        elif step.type == "FORK_JOIN":
            self.words.add("fork")
            inside = names.copy()  # a fork that is written out gives nothing to variables
            branches = [sides.local_function(self, steps, inside)[0] for steps in step.fork_tasks]
            self._call("await fork", [f"{each}()" for each in branches], self._fields(step))
        else:
            self.words.add("step")
            word = "await step"
            if self.is_read(f"{step.ref}.output"):
                variable = self.stubs.fresh(f"{step.ref}_result")
                names[f"{step.ref}.output"] = variable
                names.loose.add(variable)
                word = f"{variable} = {word}"
            self._call(word, [repr(step.type)], self._fields(step))

    def _fields(self, step: Step) -> dict[str, Any]:
        fields = written_fields(step)
        for value in (*fields.values(), *fields.get("input", {}).values()):
            if isinstance(value, Code):
                self.words.add(value.word)
        return fields

    def _call(self, word: str, first: list[str], fields: dict[str, Any], end: str = "") -> None:
        indent = "    " * self.depth
        self.lines += [indent + each for each in written_call(word, first, fields, end)]


def default_of(value: Any, kind: str) -> str:
    """The default of a field as text, in the type of the field."""
    name = kind.removesuffix(" | None")
    is_text = isinstance(value, str) and name in CONVERTED.values()
    if is_text and name in ("Decimal", "UUID"):
        return f"{name}({value!r})"
    return f"{name}.fromisoformat({value!r})" if is_text and name != "timedelta" else repr(value)


def _capitals(wish: str) -> str:
    """`ShipResult` of `ship_result`."""
    return "".join(part[:1].upper() + part[1:] for part in wish.split("_"))
