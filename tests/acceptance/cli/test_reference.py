"""The reference page of the command line has every command and every option."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from pavane.doors.cli.main import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text("utf-8")
SECTIONS = {
    name: section
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    for name in section.split("\n")[0].split(", ")
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str):
    command: click.Command = import_module(f"pavane.doors.cli.{name.replace('-', '_')}").command
    if command.hidden:
        assert f"`{name}`" in PAGE
        return
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            where = (
                SECTIONS[name] if option.name not in {"server", "store_url", "api_key"} else PAGE
            )
            assert option.opts[0] in where, f"{option.opts[0]} of {name}"


def test_nothing_is_described_that_is_not_there():
    assert set(SECTIONS) <= set(COMMANDS)
