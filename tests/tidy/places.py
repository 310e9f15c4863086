"""The rule of places: no file knows the machine it was written on, nor a registry."""

import re
from collections.abc import Iterator

from tests.tidy.sources import Finding, Source

# Written so that these lines do not match themselves.
_MACHINE_PATH = re.compile(r"(?<![\w./:}*-])/(?:home|root|Users|tmp|work|mnt|srv|opt)/[\w.-]+")
_REGISTRY = re.compile(
    r"https?://[^\s\"'<>]*(?:pypi|pythonhosted|npmjs|yarnpkg|crates\.|maven|goproxy|golang\.org)"
    r"|https?://[^\s\"'<>]+\.(?:whl|tgz|tar\.gz|crate|jar)\b"
    r"|(?:extra-)?index-" + "url",
    re.IGNORECASE,
)
_LOCKS = re.compile(
    r"(?:^|/)(?:uv|poetry|Pipfile|pdm|package-lock|yarn|pnpm-lock)\.(?:lock|json|yaml)$"
)


def check(source: Source) -> Iterator[Finding]:
    """Find paths of one machine, addresses of registries, and lock files that carry them."""
    if _LOCKS.search(source.path):
        yield source.finding(1, "lock-file", "pin in constraints/ by name and version alone")
    for number, line in enumerate(source.text.splitlines(), 1):
        if match := _MACHINE_PATH.search(line):
            yield source.finding(number, "machine-path", f"{match[0]} exists on one machine only")
        if match := _REGISTRY.search(line):
            yield source.finding(number, "registry", f"{match[0]}: name packages, not addresses")
