"""How `make docs` makes a site of the pages in this folder: Sphinx reads them as plain Markdown.

The pages are written for a code host as much as for the site, so nothing in them is Sphinx's own:
what the site needs besides (its navigation, tables in place of diagrams, links that leave this
folder) is added here, while a page is read. All of it stands in the site; it loads nothing from
elsewhere.
"""

import re
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

project = "Pavane"
author = "the authors of Pavane"
release = version = version_of("pavane")
html_title = f"Pavane {release}"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_*"]
language = "en"

# A link to a heading is checked like a link to a page.
myst_heading_anchors = 4
# JSON with "…" in it is meant for people.
suppress_warnings = ["misc.highlighting_failure"]

HERE = Path(__file__).parent
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<to>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_FENCE = re.compile(r"^ *(?P<fence>`{3,}).*?^ *(?P=fence) *$", re.MULTILINE | re.DOTALL)
_DIAGRAM = re.compile(r"^```mermaid\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"^ *(\S+) --> (\S+)$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's way in."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}


def read(_app: Sphinx, page: str, text: list[str]) -> None:
    """Give a page what the site needs, as Sphinx reads it."""
    here = (HERE / page).parent
    shown = _outside_fences(text[0], lambda prose: _LINK.sub(lambda m: _inside(m, here), prose))
    shown = _DIAGRAM.sub(lambda m: _changes(m["body"]), shown)
    if page.rpartition("/")[2] == "index":
        shown += _navigation(here, text[0])
    text[0] = shown


def _outside_fences(text: str, change) -> str:
    """The text with everything changed but fenced blocks."""
    parts, last = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, change(text[last:])])


def _inside(link: re.Match[str], here: Path) -> str:
    """A link as it is; one that leaves this folder as words, for the site has no such place."""
    if "://" in link["to"] or not link["to"].startswith("../"):
        return link[0]
    target = (here / link["to"]).resolve()
    if target.is_relative_to(HERE) or not target.exists():
        return link[0]  # what is not there is Sphinx's to complain about
    name = target.relative_to(HERE.parent)
    return link["text"] if str(name) in link["text"] else f"{link['text']} (`{name}`)"


def _changes(diagram: str) -> str:
    """A diagram of states as a table: code hosts draw it, here no script shall."""
    following: dict[str, list[str]] = {}
    for old, new in _CHANGE.findall(diagram):
        following.setdefault(old, []).append(new)
    names = {"[*]": "*(begin)*"}
    rows = [
        f"| {names.get(old, f'`{old}`')} | "
        + ", ".join("*(end)*" if new == "[*]" else f"`{new}`" for new in news)
        + " |"
        for old, news in following.items()
    ]
    if not rows:
        return f"```text\n{diagram}```"
    return "\n".join(["| from | to |", "|---|---|", *rows])


def _navigation(here: Path, index: str) -> str:
    """What stands below an index page: first what it links to, in that order, then the rest."""
    below = [each.stem for each in sorted(here.glob("*.md")) if each.stem != "index"]
    below += [f"{each.parent.name}/index" for each in sorted(here.glob("[!_]*/index.md"))]
    linked = [link["to"].removesuffix(".md") for link in _LINK.finditer(index)]
    first = [each for each in dict.fromkeys(linked) if each in below]
    entries = [*first, *(each for each in below if each not in first)]
    return "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"
