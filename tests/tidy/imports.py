"""The rule of the front door: `pavane` itself is for users; inside, a thing has one address."""

import ast
from collections.abc import Iterator

from tests.tidy.sources import Finding, Source


def check(source: Source) -> Iterator[Finding]:
    """Find `import pavane` and `from pavane import …` inside the package."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            front = any(alias.name == "pavane" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            front = node.module == "pavane" and node.level == 0
        else:
            continue
        if front:
            text = "import from the module where it lives, not from `pavane`"
            yield source.finding(node.lineno, "front-door", text)
