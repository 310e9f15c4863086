"""The command line as a whole: its commands, its errors, its exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from pavane.doors.wiring import Wiring
from pavane.errors import PavaneError, UsageError, where_explained

DONE, FAILED, USAGE = 0, 1, 2

COMMANDS = (
    "demo",
    "check",
    "compile",
    "run",
    "server",
    "start",
    "list",
    "show",
    "watch",
    "people",
    "schedules",
    "signal",
    "pause",
    "resume",
    "retry",
    "resolve",
    "move",
    "diff",
    "cancel",
    "remove",
    "keys",
    "store",
    "dead-letters",
    "events",
    "lag",
    "publish",
    "decompile",
    "explain",
)


class _Commands(click.Group):
    """Each command is the function `command` in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"pavane.doors.cli.{cmd_name.replace('-', '_')}"
        command: click.Command = import_module(module).command
        read_environment(command)
        return command


def read_environment(command: click.Command) -> None:
    """Let each option of a command, and of the commands in it, be set in the environment too."""
    for option in command.params:
        if isinstance(option, click.Option) and not option.envvar:
            option.envvar = "PAVANE_" + option.opts[0].lstrip("-").replace("-", "_").upper()
    if isinstance(command, click.Group):
        for each in command.commands.values():
            read_environment(each)


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"pavane {version('pavane')}")
        ctx.exit()


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and end.",
)
def pavane() -> None:
    """Let independent services carry out one business process.

    Every option can be set in the environment too: --store as PAVANE_STORE, and so on. Flags win.
    Exit codes: 0 done, 1 the work failed, 2 the command was used wrongly.
    """


def run(wiring: Wiring, arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, with anything wrong told on stderr."""
    try:
        code: Any = pavane.main(
            args=arguments, prog_name="pavane", obj=wiring, standalone_mode=False
        )
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        return _tell(*_usage(error), code=USAGE)
    except UsageError as error:
        return _tell(error.message, error.remedy, error.code, code=USAGE)
    except PavaneError as error:
        return _tell(error.message, error.remedy, error.code, code=FAILED)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code if isinstance(code, int) else DONE


def _usage(error: click.ClickException) -> tuple[str, str]:
    message = error.format_message()
    if isinstance(error, click.NoSuchOption | click.BadParameter | click.MissingParameter):
        message = message.replace("\n", " ")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "pavane"
    return message, f"`{path} --help` shows how it is used."


def _tell(message: str, remedy: str, page: str = "", *, code: int) -> int:
    """What is wrong, what to do, and where more is said about it."""
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    if remedy:
        click.echo(remedy, err=True)
    if page:
        click.secho(where_explained(page), dim=True, err=True)
    return code
