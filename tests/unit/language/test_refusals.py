"""Every refusal: its message, at its line, all of a program at once."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from pavane.errors import LanguageError
from pavane.sdk.workflow import WorkflowFunction

FILE = str(Path(__file__).with_name("refused.txt"))  # no .py: everything in it is wrong on purpose


def load() -> ModuleType:
    """The programs as a module."""
    loader = importlib.machinery.SourceFileLoader("refused_programs", FILE)
    spec = importlib.util.spec_from_loader("refused_programs", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["refused_programs"] = module  # as an import does; annotations are looked up there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        loader.exec_module(module)
    return module


refused = load()
LINES = Path(FILE).read_text().splitlines()
PROGRAMS = [each for each in vars(refused).values() if isinstance(each, WorkflowFunction)]


def expected(program: WorkflowFunction[..., object]) -> set[tuple[int, str]]:
    """Line and beginning of each message that the comments of a program promise."""
    first = program.function.__code__.co_firstlineno
    if program is refused.helpers_refused:  # some of its findings are inside its helpers
        return _promised(0, "@workflow") | _promised(first, "@")
    return _promised(first, "@")


def _promised(first: int, end: str) -> set[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for number, line in enumerate(LINES[first:], start=first + 1):
        if line.startswith(end):
            break
        for message in re.findall(r"# >> (.*?)(?= # >> |$)", line):
            found.add((number, message))
    return found


def findings(program: WorkflowFunction[..., object]) -> list[tuple[int, int, str, str]]:
    """Line, column, message and the whole text of each finding."""
    with pytest.raises(LanguageError) as caught:
        _ = program.definition
    parts: list[tuple[int, int, str, str]] = []
    for text in caught.value.findings:
        assert text in str(caught.value)
        place = re.match(r"(.*):(\d+):(\d+): (.*)", text)
        assert place is not None, text
        assert place[1] == FILE
        parts.append((int(place[2]), int(place[3]), place[4], text))
    return parts


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.name)
def test_everything_wrong_is_said_at_once(program: WorkflowFunction[..., object]) -> None:
    found = findings(program)
    wanted = expected(program)
    for line, start in wanted:
        there = [message for at, _, message, _ in found if at == line]
        assert any(message.startswith(start) for message in there), (line, start, found)
    own = {line for line, _ in wanted}
    surplus = [each[3] for each in found if each[0] not in own]
    assert not surplus, "\n".join(surplus)


def test_programs_cover_the_refusals() -> None:
    assert sum(len(expected(program)) for program in PROGRAMS) >= 120


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.name)
def test_a_finding_shows_the_line_a_caret_and_a_way_out(
    program: WorkflowFunction[..., object],
) -> None:
    for line, column, message, text in findings(program):
        shown = text.splitlines()
        assert shown[1].strip() == LINES[line - 1].strip()
        assert shown[2].index("^") == column + 3
        assert LINES[line - 1][column - 1] not in " \t"
        has_way_out = len(shown) > 3 or re.search(r"; |write |did you mean|: ", message)
        assert has_way_out, text
