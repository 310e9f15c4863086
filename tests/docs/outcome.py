"""Whether a program printed what a page shows, when times, rates and ids may differ."""

import difflib
import re

_ANYTHING = {"…", "..."}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LIKE = [
    (
        re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
        "<at>",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b"), "<at>"),
    (re.compile(r"\b[\d,]+(?:\.\d+)?(?= ?\w+/s\b)"), "<rate>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|sec|seconds?|min|minutes?)\b"), "<time>"),
    (re.compile(r"\b(?=[\w-]*\d)[0-9A-Za-z]{8,}(?:-[0-9A-Za-z]{4,})*\b"), "<id>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+"), "<port>"),
]


def plain(text: str) -> list[str]:
    """Return the lines that matter: no colours, no empty lines, one space, times and ids alike."""
    lines: list[str] = []
    for raw in _ANSI.sub("", text).splitlines():
        line = " ".join(raw.split())
        for pattern, name in _LIKE:
            line = pattern.sub(name, line)
        if line:
            lines.append(line)
    return lines


def differs(shown: str, printed: str) -> str:
    """Return "" when `printed` is what `shown` promises, else the difference line by line."""
    want, have = plain(shown), plain(printed)
    pattern = "".join(
        r"(?:.*\n)*" if line in _ANYTHING else f"{_any_words(line)}\n" for line in want
    )
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in have)):
        return ""
    return "\n".join(difflib.ndiff(want, have))


def _any_words(line: str) -> str:
    return ".*".join(re.escape(part) for part in re.split(r"…|\.\.\.", line))
