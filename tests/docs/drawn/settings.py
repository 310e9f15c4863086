"""The table of settings, from the commands: each option, its variable, its default, who has it."""

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

import click

from pavane.doors.cli.main import COMMANDS, read_environment
from tests.docs.drawn.markers import filled, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "settings.md"


class Setting(NamedTuple):
    """An option as one command has it."""

    command: str
    option: str
    variable: str
    default: str
    about: str


def settings() -> Iterator[Setting]:
    """Every option of every command that is shown."""
    for name in COMMANDS:
        command: click.Command = import_module(f"pavane.doors.cli.{name.replace('-', '_')}").command
        read_environment(command)
        yield from _of(name, command)


def _of(name: str, command: click.Command) -> Iterator[Setting]:
    if isinstance(command, click.Group):
        for each, inner in command.commands.items():
            yield from _of(f"{name} {each}", inner)
    if command.hidden:
        return
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            given = isinstance(option.default, str | int) and not option.is_flag
            default = str(option.default) if given else ""
            variable = option.envvar if isinstance(option.envvar, str) else ""
            yield Setting(name, option.opts[0], variable, default, option.help or "")


def drawn(page: str) -> str:
    """The page with the settings that there are now."""
    found: dict[tuple[str, str], list[Setting]] = {}
    for each in settings():
        found.setdefault((each.option, each.variable), []).append(each)
    rows = [
        [
            f"`{option}`",
            f"`{variable}`",
            ", ".join(dict.fromkeys(f"`{each.default}`" for each in uses if each.default)),
            ", ".join(dict.fromkeys(each.command for each in uses)),
        ]
        for (option, variable), uses in sorted(found.items())
    ]
    return filled(page, {"settings": table(["option", "variable", "default", "of"], rows)})
