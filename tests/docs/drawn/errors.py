"""The table of errors, from the exceptions: code, name, place in the tree, HTTP status."""

from importlib import import_module
from pkgutil import walk_packages

import pavane
from pavane import errors
from pavane.doors.rest.problems import STATUS_CODES, status_code
from pavane.errors import PavaneError
from tests.docs.drawn.markers import filled, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"
OF_HTTP = {"method-not-allowed": 405, "too-slow": 408, "internal": 500}
"""What a server says that is no exception."""


def kinds() -> dict[str, type[PavaneError]]:
    """Every exception of the package by its code; what tests a simulation is for ourselves."""
    for module in walk_packages(pavane.__path__, "pavane."):
        if not module.name.startswith(("pavane.testing", "pavane.__main__")):
            import_module(module.name)
    return {
        kind.code: kind
        for kind in _tree(PavaneError)
        if kind.__module__.startswith("pavane.") and not kind.__module__.startswith("pavane.test")
    }


def _tree(kind: type[PavaneError]) -> list[type[PavaneError]]:
    # Parents last: who has no code of its own has its parent's, and does not stand for it.
    return [each for child in kind.__subclasses__() for each in _tree(child)] + [kind]


def drawn(page: str) -> str:
    """The page with its table as the exceptions are now."""
    known = kinds()
    codes = [line[4:] for line in page.splitlines() if line.startswith("### ")]
    rows = [
        [f"[{code}](#{code})", *_row(known.get(code), OF_HTTP.get(code, 0))]
        for code in codes
        if code in known or code in OF_HTTP
    ]
    return filled(page, {"errors": table(["code", "in Python", "which is a", "HTTP"], rows)})


def _row(kind: type[PavaneError] | None, status: int) -> list[str]:
    if kind is None:
        return ["", "", str(status)]
    shown = kind.__name__ if hasattr(errors, kind.__name__) else ""
    parent = "" if kind is PavaneError else kind.__mro__[1].__name__
    served = any(each in STATUS_CODES for each in kind.__mro__)
    return [
        f"`{shown}`" if shown else "",
        f"`{parent}`" if parent else "",
        str(status_code(kind(""))) if served else "",
    ]
