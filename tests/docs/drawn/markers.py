"""The places on a page that are drawn: from `<!-- drawn: NAME -->` to `<!-- end -->`."""

from collections.abc import Iterable

END = "<!-- end -->"


def filled(page: str, parts: dict[str, str]) -> str:
    """The page with each named place filled anew."""
    for name, text in parts.items():
        begin = f"<!-- drawn: {name} -->\n"
        before, found, rest = page.partition(begin)
        assert found, f"the page has no place for {name}"
        _, ended, after = rest.partition(END)
        assert ended, f"the place for {name} does not end"
        page = f"{before}{begin}{text}{END}{after}"
    return page


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, with an empty line on both sides as Markdown wants it."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n" + "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
