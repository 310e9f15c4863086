"""`pavane explain`: what an error means and what to do, from the reference."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import import_module

import click

from pavane.errors import PavaneError, UsageError

_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_SENTENCE = re.compile(r".*?[.:;](?=\s|$)", re.DOTALL)


@click.command()
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Say at length what the error with this CODE means; without CODE, list all codes.

    The name of an exception of pavane.errors will do as well.
    """
    from pavane.doors.explaining import sections

    found = sections()
    if code is None:
        width = max(map(len, found))
        for each, text in found.items():
            click.echo(f"{each:{width}}  {_first_sentence(text)}")
        return
    known = _code_of(code)
    if known not in found:
        near = get_close_matches(known, found, n=1)
        raise UsageError(
            f"There is no error with the code '{code}'.",
            f"Did you mean {near[0]}?" if near else "`pavane explain` lists them.",
        )
    click.echo(click.style(known, bold=True) + f"\n\n{_plain(found[known])}")


def _code_of(name: str) -> str:
    """The code of an exception that is named, else the name as it is."""
    kind = getattr(import_module("pavane.errors"), name.removeprefix("pavane.errors."), None)
    if isinstance(kind, type) and issubclass(kind, PavaneError):
        return kind.code
    return name


def _plain(markdown: str) -> str:
    return _LINK.sub(r"\1", markdown)


def _first_sentence(markdown: str) -> str:
    text = " ".join(_plain(markdown.partition("\n\n")[0]).split())
    match = _SENTENCE.match(text)
    return (match[0] if match else text).rstrip(".:;")
