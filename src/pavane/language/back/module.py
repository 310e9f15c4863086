"""A definition as the text of a Python module that runs: imports, stubs of its tasks, the workflow.

Some steps have a natural form, the others are written out (`step`, `decision`, `loop`, `fork`).
Whether a natural form means the same is not decided here: whoever asks compiles the text and names
the steps that came out otherwise, to be written out the next time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pavane.core.model.workflow import Step, Workflow
from pavane.language.back.data import STANDARD, NoFormError, expression, identifier
from pavane.language.back.limited import limit_options
from pavane.language.back.written import BY_CALL, Code, written_call, written_fields

_CALLABLE = frozenset(
    {*BY_CALL, "service", "optional", "retryCount", "startDelay", "pivot", "undo"}
)
_OUR_NAMES = frozenset(
    [
        *("step", "decision", "loop", "fork", "definition", "js", "jq"),
        *("workflow", "Service", "Fail", "sleep", "gather", "Any"),
        *(each for known in STANDARD.values() for each in known),
    ]
)
END = "(the output)"
"""Stands for the last line, which gives the output, among the names of steps."""
_SAID = frozenset({"name", "version", "description", "tasks", "style", "metadata"})


@dataclass
class Module:
    """The text, and by line (from 1) the step that stands there."""

    text: str
    name: str
    lines: dict[int, str]


@dataclass
class _Stub:
    """What is known of a task: its name, its service, its parameters."""

    name: str
    service: str
    variable: str
    parameters: dict[str, None] = field(default_factory=dict[str, None])


def module_of(workflow: Workflow, written_out: Iterable[str]) -> Module:
    """The module of a workflow, in which these steps are written out."""
    return _Writing(workflow, frozenset(written_out)).module()


class _Writing:
    def __init__(self, workflow: Workflow, written_out: frozenset[str]) -> None:
        self._workflow = workflow
        self._shown = msgspec.json.encode(workflow).decode()
        self._written_out = written_out
        self._lines: list[str] = []
        self._at: dict[int, str] = {}
        self._depth = 1
        self._words: set[str] = set()
        self._public: set[str] = {"workflow"}
        self._returns = False
        self._stubs: dict[tuple[str, str], _Stub] = {}
        self._services: dict[str, str] = {}
        self._names: dict[str, str] = {}  # variables by what they stand for
        self._taken = set(_OUR_NAMES)
        self._function = self._fresh(workflow.name)

    def module(self) -> Module:
        """The whole text."""
        parameters = [self._parameter(name) for name in workflow_inputs(self._workflow)]
        self._block(self._workflow.tasks, self._names, END)
        body, self._lines, at, self._at = self._lines, [], self._at, {}
        head = self._head(parameters)
        shift = len(head)
        text = "\n".join([*head, *body]) + "\n"
        return Module(text, self._function, {line + shift: ref for line, ref in at.items()})

    def _parameter(self, name: str) -> str:
        self._names[f"workflow.input.{name}"] = name
        self._taken.add(name)
        return f"{name}: Any"

    def _fresh(self, wish: str) -> str:
        stem = identifier(wish)
        name, count = stem, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    # --- the head -------------------------------------------------------------------------------

    def _head(self, parameters: list[str]) -> list[str]:
        signature = self._signature(parameters)
        words = sorted(self._words)
        public = sorted(self._public | ({"Service"} if self._services else set()), key=str.lower)
        lines = ['"""Made by `pavane decompile`, which does not know what tasks take and give."""']
        lines += ["", "from __future__ import annotations", ""]
        for module, known in STANDARD.items():
            used = [each for each in known if re.search(rf"\b{each}\(", "\n".join(self._lines))]
            lines += [f"from {module} import {', '.join(used)}"] if used else []
        lines += ["from typing import Any", ""]
        lines += [f"from pavane import {', '.join(public)}"]
        if words:
            lines.append(f"from pavane.sdk.faithful import {', '.join(words)}")
        lines += ["", *(f"{var} = Service({name!r})" for name, var in self._services.items())]
        for stub in self._stubs.values():
            named = "" if stub.variable == stub.name else f"(name={stub.name!r})"
            given = ", ".join(f"{each}: Any = None" for each in stub.parameters)
            lines += ["", "", f"@{self._services[stub.service]}.task{named}"]
            lines.append(f"async def {stub.variable}({given}) -> dict[str, Any]: ...")
        return [*lines, "", "", *signature]

    def _signature(self, parameters: list[str]) -> list[str]:
        given = self._workflow
        options = [] if self._function == given.name else [f"name={given.name!r}"]
        options += [f"version={given.version}"] if given.version != 1 else []
        options += [f"style={given.style!r}"] if given.style else []
        limited = limit_options(given.rate_limit_config, list(workflow_inputs(given)))
        options += limited
        decorator = f"@workflow({', '.join(options)})" if options else "@workflow"
        gives = "dict[str, Any]" if self._returns else "None"
        lines = [decorator, f"async def {self._function}({', '.join(parameters)}) -> {gives}:"]
        if given.description:
            lines.append(f"    {given.description!r}")  # the same on one line, whatever is in it
        fields = msgspec.to_builtins(given)
        more = {key: value for key, value in fields.items() if key not in _SAID}
        if more.get("inputParameters") == list(workflow_inputs(given)):
            del more["inputParameters"]
        if limited:
            del more["rateLimitConfig"]
        if self._returns:
            del more["outputParameters"]
        if more:
            self._words.add("definition")
            lines += [f"    {line}" for line in written_call("definition", [], more, "")]
        return lines

    # --- steps ----------------------------------------------------------------------------------

    def _block(self, steps: Iterable[Step], names: dict[str, str], end: str = "") -> None:
        start, known = len(self._lines), dict(names)
        pending = list(steps)
        while pending:
            each = pending.pop(0)
            first = len(self._lines) + 1
            if pending and self._gathered(each, pending[0], known):
                pending.pop(0)
            else:
                self._step(each, known)
            for line in range(first, len(self._lines) + 1):
                self._at.setdefault(line, each.ref)
        if end and end not in self._written_out:
            self._result(known)
        if len(self._lines) == start:
            self._line("pass")

    def _result(self, names: dict[str, str]) -> None:
        """`return {…}` as the last line, where the output has a form."""
        if not self._workflow.output_parameters:
            return
        try:
            shown = expression(self._workflow.output_parameters, names)
        except NoFormError:
            return
        self._returns = True
        self._line(f"return {shown}")
        self._at[len(self._lines)] = END

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _step(self, step: Step, names: dict[str, str]) -> None:
        if step.ref not in self._written_out:
            try:
                if self._natural(step, names):
                    return
            except NoFormError:
                pass
        if step.type in ("SWITCH", "DECISION"):
            self._decision(step, names)
        elif step.type == "DO_WHILE":
            self._loop(step, names)
        elif step.type == "FORK_JOIN":
            self._fork(step, names)
        else:
            self._words.add("step")
            word = "await step"
            if f"{step.ref}.output" in self._shown:
                names[f"{step.ref}.output"] = self._fresh(f"{step.ref}_result")
                word = f"{names[f'{step.ref}.output']} = {word}"
            self._call(word, [repr(step.type)], self._fields(step))

    def _natural(self, step: Step, names: dict[str, str]) -> bool:
        if step.type == "SIMPLE":
            return self._task(step, names)
        if step.type == "SWITCH":
            return self._choice(step, names)
        given = step.input_parameters
        if msgspec.to_builtins(step).keys() - BY_CALL or step.name != step.ref:
            return False
        if step.type == "WAIT" and list(given) == ["duration"]:
            self._public.add("sleep")
            self._line(f"await sleep({expression(given['duration'], names)})")
            return True
        fails = step.type == "TERMINATE" and given.get("terminationStatus") == "FAILED"
        if fails and list(given) == ["terminationStatus", "terminationReason"]:
            self._public.add("Fail")
            self._line(f"raise Fail({expression(given['terminationReason'], names)})")
            return True
        return False

    def _task(self, step: Step, names: dict[str, str]) -> bool:
        """`x = await task(a=…)`."""
        fields = msgspec.to_builtins(step)
        if fields.keys() - _CALLABLE or not step.service or not step.name.isidentifier():
            return False
        keys = list(step.input_parameters)
        if not all(each.isidentifier() and identifier(each) == each for each in keys):
            return False
        given = [f"{key}={expression(v, names)}" for key, v in step.input_parameters.items()]
        stub = self._stub(step.service, step.name, step.input_parameters)
        options = [] if step.ref == step.name else [f"ref={step.ref!r}"]
        options += [] if step.retry_count is None else [f"retries={step.retry_count}"]
        options += ["optional=True"] if step.optional else []
        options += [f"start_delay={step.start_delay!r}"] if step.start_delay else []
        options += ["pivot=True"] if step.pivot else []
        if step.undo is not None:
            known = {"name", "inputParameters", "service"}
            if msgspec.to_builtins(step.undo).keys() - known or not step.undo.service:
                return False
            undo = self._stub(step.undo.service, step.undo.name, step.undo.input_parameters)
            options.append(f"undo={undo.variable}")
        chosen = f".with_options({', '.join(options)})" if options else ""
        call = f"await {stub.variable}{chosen}({', '.join(given)})"
        if f"{step.ref}.output" not in self._shown:
            self._line(call)
            return True
        variable = self._fresh(f"{step.ref}_result")
        self._line(f"{variable} = {call}")
        names[f"{step.ref}.output"] = variable
        return True

    def _stub(self, service: str, name: str, inputs: Iterable[str]) -> _Stub:
        keys = list(inputs)
        if not all(each.isidentifier() and identifier(each) == each for each in keys):
            raise NoFormError(name)
        if service not in self._services:
            self._services[service] = self._fresh(service)
        if (service, name) not in self._stubs:
            self._stubs[service, name] = _Stub(name, service, self._fresh(name))
        self._stubs[service, name].parameters.update(dict.fromkeys(keys))
        return self._stubs[service, name]

    def _gathered(self, fork: Step, join: Step, names: dict[str, str]) -> bool:
        """A FORK_JOIN and its JOIN as `gather` of branches."""
        if fork.type != "FORK_JOIN" or join.type != "JOIN":
            return False
        if {fork.ref, join.ref} & self._written_out or not all(fork.fork_tasks):
            return False
        if join.join_on != [branch[-1].ref for branch in fork.fork_tasks]:
            return False
        self._public.add("gather")
        branches = [self._branch(steps, names) for steps in fork.fork_tasks]
        self._line(f"await gather({', '.join(f'{each}()' for each in branches)})")
        return True

    def _branch(self, steps: Iterable[Step], names: dict[str, str]) -> str:
        name = self._fresh("branch")
        if self._lines and self._lines[-1]:
            self._lines.append("")
        self._line(f"async def {name}() -> None:")
        self._inside(steps, names)
        self._lines.append("")
        return name

    def _choice(self, step: Step, names: dict[str, str]) -> bool:
        """A SWITCH on a text as `match`, on a test as `if`."""
        is_value = step.evaluator_type == "value-param" and step.expression == "case"
        if not is_value or list(step.input_parameters) != ["case"]:
            return False
        subject = expression(step.input_parameters["case"], names)
        cases = list(step.decision_cases)
        if cases == ["true"]:
            self._line(f"if {subject}:")
            self._inside(step.decision_cases["true"], names)
            if step.default_case:
                self._line("else:")
                self._inside(step.default_case, names)
            return True
        self._line(f"match {subject}:")
        self._cases(step, names)
        return True

    def _inside(self, steps: Iterable[Step], names: dict[str, str]) -> None:
        self._depth += 1
        self._block(steps, names)
        self._depth -= 1

    def _cases(self, step: Step, names: dict[str, str]) -> None:
        self._depth += 1
        for case, steps in step.decision_cases.items():
            self._line(f"case {case!r}:")
            self._inside(steps, names)
        if step.default_case or not step.decision_cases:
            self._line("case _:")
            self._inside(step.default_case, names)
        self._depth -= 1

    # --- written out ----------------------------------------------------------------------------

    def _decision(self, step: Step, names: dict[str, str]) -> None:
        self._words.add("decision")
        kind = [] if step.type == "SWITCH" else [repr(step.type)]
        self._call("match decision", kind, self._fields(step), ":")
        self._cases(step, names)

    def _loop(self, step: Step, names: dict[str, str]) -> None:
        self._words.add("loop")
        self._call("while loop", [], self._fields(step), ":")
        self._inside(step.loop_over, names)

    def _fork(self, step: Step, names: dict[str, str]) -> None:
        self._words.add("fork")
        branches = [self._branch(steps, names) for steps in step.fork_tasks]
        self._call("await fork", [f"{each}()" for each in branches], self._fields(step))

    def _fields(self, step: Step) -> dict[str, Any]:
        fields = written_fields(step)
        for value in (*fields.values(), *fields.get("input", {}).values()):
            if isinstance(value, Code):
                self._words.add(value.word)
        return fields

    def _call(self, word: str, first: list[str], fields: dict[str, Any], end: str = "") -> None:
        indent = "    " * self._depth
        self._lines += [indent + each for each in written_call(word, first, fields, end)]


def workflow_inputs(workflow: Workflow) -> Iterator[str]:
    """The inputs that can be parameters of a function."""
    for name in workflow.input_parameters:
        if name.isidentifier() and identifier(name) == name and name not in _OUR_NAMES:
            yield name
