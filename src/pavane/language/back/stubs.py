"""What a decompiled workflow calls: services with their tasks, and events, each as a stub."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class NoFormError(Exception):
    """Internal: this has no form in Python but the written out one."""


@dataclass
class Stub:
    """What is known of a task or workflow: its name, its parameters, and what it gives."""

    name: str
    service: str  # empty for a workflow
    variable: str
    gives: str
    wraps: bool  # the result is no object, and so the one member of the output
    parameters: dict[str, str]  # by name, as they are written
    version: int = 1
    undo: tuple[str, str] | None = None  # of every call: service and task


@dataclass
class Record:
    """What is known of objects: their fields, each with its type and its default as text."""

    name: str
    kind: str = ""  # the type of the event that it is
    fields: dict[str, str] = field(default_factory=dict[str, str])


class Stubs:
    """The names that a module gives, and the text of its stubs."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.services: dict[str, str] = {}
        self._called: dict[tuple[str, str], Stub] = {}
        self._records: dict[object, Record] = {}
        self._taken = set(taken)

    def fresh(self, wish: str) -> str:
        """A name like this one that nothing has yet."""
        stem = identifier(wish)
        name, count = stem, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def take(self, name: str) -> None:
        """Keep a name from everything else."""
        self._taken.add(name)

    def record(self, key: object, wish: str, kind: str = "") -> tuple[Record, bool]:
        """The class of an object or event, and whether it is new, so that it has no fields yet."""
        is_new = key not in self._records
        if is_new:
            self._records[key] = Record(self.fresh(wish), kind)
        return self._records[key], is_new

    def call(self, stub: Stub) -> Stub:
        """The stub of a task or workflow as it is known already, or this one with a name."""
        who = stub.service, stub.name
        if who not in self._called:
            if stub.service and stub.service not in self.services:
                self.services[stub.service] = self.fresh(stub.service)
            stub.variable = stub.variable or self.fresh(stub.name)
            self._called[who] = stub
        return self._called[who]

    @property
    def has_records(self) -> bool:
        """Whether any class of objects is needed."""
        return any(not each.kind for each in self._records.values())

    def lines(self) -> Iterator[str]:
        """The text."""
        yield from (f"{var} = Service({name!r})" for name, var in self.services.items())
        for record in self._records.values():
            of = f"Event, type={record.kind!r}" if record.kind else "msgspec.Struct, kw_only=True"
            yield from ("", "", f"class {record.name}({of}):")
            yield from (f"    {name}: {each}" for name, each in record.fields.items())
            if not record.fields:
                yield "    pass"
        for stub in self._called.values():
            given = ", ".join(f"{name}: {each}" for name, each in stub.parameters.items())
            signature = f"async def {stub.variable}({given}) -> {stub.gives}: ..."
            options = [] if stub.variable == stub.name else [f"name={stub.name!r}"]
            options += [f"version={stub.version}"] if stub.version != 1 else []
            options += [f"undo={self._called[stub.undo].variable}"] if stub.undo else []
            chosen = f"({', '.join(options)})" if options else ""
            word = f"{self.services[stub.service]}.task" if stub.service else "workflow"
            yield from ("", "", f"@{word}{chosen}", signature)


def is_plain(name: str) -> bool:
    """Whether a name can be written as it is."""
    return name.isidentifier() and identifier(name) == name


def identifier(text: str) -> str:
    """A Python name that resembles a text."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "unnamed"
    name = f"n{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) else name
