"""Findings put on the page: one LanguageError that lists them all."""

from __future__ import annotations

from collections.abc import Iterable

from pavane.errors import DefinitionError, LanguageError
from pavane.language.findings import Finding


def language_error(workflow: str, findings: Iterable[Finding]) -> LanguageError:
    """The error to raise for a workflow: its message lists every finding."""
    found = [str(finding) for finding in findings]
    many = f"{len(found)} findings" if len(found) != 1 else "1 finding"
    body = "\n".join(found)
    return LanguageError(
        f"The workflow {workflow!r} cannot be compiled ({many}):\n{body}", findings=found
    )


def format_findings(errors: Iterable[DefinitionError]) -> str:
    """All findings of several errors as a command prints them, with a count at the end."""
    found = [finding for error in errors for finding in (error.findings or (str(error),))]
    if not found:
        return "No findings."
    many = f"{len(found)} findings" if len(found) != 1 else "1 finding"
    return "\n\n".join([*found, many + "."])
