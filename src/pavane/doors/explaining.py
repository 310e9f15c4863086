"""What an error means at length: its section in the reference, which is installed with the package.

So whoever meets an error can read about it with no network, on the page of the very version that
said it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from pavane.errors import NotInstalledError

_PAGE: Final = "errors.md"
_HEADING: Final = "### "
_PREFIX: Final = "/problems/"


class Explained(NamedTuple):
    """A code with its section, as Markdown."""

    code: str
    text: str


def address_of(code: str) -> str:
    """Where a server has the section of a code: what its problem documents have as `type`."""
    return f"{_PREFIX}{code}"


def explanation(code: str) -> Explained | None:
    """The section of a code; None where there is none."""
    text = sections().get(code)
    return None if text is None else Explained(code, text)


@cache
def sections() -> dict[str, str]:
    """Every code of the page with its section, in the page's order."""
    found: dict[str, str] = {}
    code = ""
    for line in _page().read_text("utf-8").splitlines():
        if line.startswith(_HEADING):
            code = line.removeprefix(_HEADING).strip()
            found[code] = ""
        elif line.startswith("#"):
            code = ""
        elif code:
            found[code] += f"{line}\n"
    return {code: text.strip() for code, text in found.items()}


def _page() -> Path:
    """The page: inside the installed package, or in the clone that the package runs from."""
    package = Path(__file__).parents[1]
    for folder in (package / "reference", package.parents[1] / "docs" / "reference"):
        if (folder / _PAGE).is_file():
            return folder / _PAGE
    raise NotInstalledError("The reference of errors is not installed.", "Install Pavane again.")
