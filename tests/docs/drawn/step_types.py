"""The list of step types, from the registry and the first sentence of the page of each."""

import re

from pavane.core.decide.step_types import STEP_TYPES
from tests.docs.drawn.markers import filled, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "step-types" / "index.md"
_SENTENCE = re.compile(r".*?[.](?=\s|$)", re.DOTALL)


def page_of(kind: str) -> str:
    """The name of the page of a step type."""
    return f"{kind.lower().replace('_', '-')}.md"


def drawn(page: str) -> str:
    """The page with the step types that there are now."""
    rows = [[f"[{kind}]({page_of(kind)})", _about(kind)] for kind in sorted(STEP_TYPES)]
    return filled(page, {"step types": table(["type", "what it does"], rows)})


def _about(kind: str) -> str:
    text = (PAGE.parent / page_of(kind)).read_text("utf-8")
    title, _, rest = text.partition("\n")
    assert title == f"# {kind}", title
    match = _SENTENCE.match(rest.strip())
    assert match, f"the page of {kind} does not begin with a sentence"
    return match[0]
