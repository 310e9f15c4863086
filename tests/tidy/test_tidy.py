"""Every rule holds over every file, but for what the ratchet allows; it only tightens."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.tidy import imports, places, sizes, words
from tests.tidy.sources import Finding, Source, all_files, python_files

RATCHET = Path(__file__).with_name("ratchet.txt")

Rule = Callable[[Source], Iterator[Finding]]

RULES: list[tuple[Rule, Callable[[], Iterable[Source]]]] = [
    (sizes.check, python_files),
    (words.check, python_files),
    (words.check_later, all_files),
    (imports.check, lambda: python_files("src/")),
    (places.check, all_files),
]


def allowed() -> set[tuple[str, str]]:
    """Read the ratchet's (path, rule) pairs; each has its reason on the line."""
    pairs: set[tuple[str, str]] = set()
    for line in RATCHET.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            path, rule, why = line.split(maxsplit=2)
            assert why, f"the ratchet's line for {path} needs a reason"
            pairs.add((path, rule))
    return pairs


@cache
def findings() -> tuple[Finding, ...]:
    return tuple(
        sorted(found for rule, files in RULES for source in files() for found in rule(source))
    )


def test_every_rule_holds():
    known = allowed()
    fresh = [str(found) for found in findings() if (found.path, found.rule) not in known]
    assert not fresh, "\n" + "\n".join(fresh)


def test_the_ratchet_only_tightens():
    broken = {(found.path, found.rule) for found in findings()}
    assert allowed() <= broken, "mended, so take it off the ratchet: " + repr(allowed() - broken)


def test_the_rules_read_the_project():
    """A rule that looks at nothing would always hold."""
    assert len(python_files("src/pavane/")) > 5
    assert any(source.path == "Makefile" for source in all_files())


LONG_FUNCTION = '"""A module."""\n\n\ndef f():\n    """Do."""\n' + "    x = 1\n" * 70
DOCUMENTED_FUNCTION = '"""A module."""\n\n\ndef f():\n    """Do.\n' + "\n" * 80 + '    """\n'
AT_HOME = "/ho" + "me/somebody/pavane"


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (sizes.check, '"""A module."""\n' + "x = 1\n" * 400, ["file-length"]),
        (sizes.check, '"""A module."""\n' + "x = 1\n" * 399, []),
        (sizes.check, LONG_FUNCTION, ["function-length"]),
        (sizes.check, LONG_FUNCTION.replace("    x = 1\n", "", 1), []),
        (sizes.check, DOCUMENTED_FUNCTION, []),
        (words.check, "x = 1\n", ["docstring"]),
        (words.check, '"""M."""\nx = 1  # no' + "qa: E501\n", ["reason"]),
        (words.check, '"""M."""\nx = 1  # no' + "qa: E501, F401\n", ["reason"]),
        (words.check, '"""M."""\nx = 1  # no' + "qa: E501 - a URL cannot be split\n", []),
        (words.check, '"""M."""\nx = 1  # no' + "qa: E501  # a URL cannot be split\n", []),
        (words.check, '"""M."""\nx = 1  # type: ig' + "nore[misc]\n", ["reason"]),
        (words.check, '"""M."""\nx = 1  # pyright: ig' + "nore[reportX]\n", ["reason"]),
        (words.check, '"""M."""\nx = 1  # pyright: ig' + "nore[reportX] JSON-like data\n", []),
        (words.check, '"""M."""\nx = "# no' + 'qa: E501"\n', []),
        (words.check_later, "# TO" + "DO: later\n", ["later"]),
        (words.check_later, "# todos are a kind of list\n", []),
        (imports.check, "from pavane import workflow\n", ["front-door"]),
        (imports.check, "import pavane\n", ["front-door"]),
        (imports.check, "from pavane.core.model.workflow import Workflow\n", []),
        (places.check, f"see {AT_HOME}\n", ["machine-path"]),
        (places.check, f"see https://example.org{AT_HOME}\n", []),
        (places.check, "https://py" + "pi.org/simple\n", ["registry"]),
        (places.check, "--index-" + "url elsewhere\n", ["registry"]),
        (places.check, "https://example.org/simple\n", []),
    ],
)
def test_a_rule_finds_its_breach_and_nothing_else(rule: Rule, text: str, expected: list[str]):
    assert [found.rule for found in rule(Source("src/pavane/some.py", text))] == expected


def test_names_that_say_nothing_are_refused():
    found = words.check(Source("src/pavane/core/utils.py", '"""M."""\n'))
    assert [f.rule for f in found] == ["name"]
