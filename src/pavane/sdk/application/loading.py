"""Loads a user's application: `shop.py`, an importable `shop`, or `APP:NAME` for one of it."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pavane.errors import PavaneError, UsageError

if TYPE_CHECKING:
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


class AppError(PavaneError):
    """The application's own code does not load."""

    code = "app"


class App(NamedTuple):
    """What an application offers, each by name; where a name was asked for, only that."""

    name: str
    services: dict[str, Service]
    workflows: dict[str, WorkflowFunction[..., Any]]


def load_app(target: str) -> App:
    """The services and workflows of `APP` or `APP:NAME`; UsageError or AppError."""
    where, _, wanted = target.partition(":")
    module = load_module(where)
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction

    found = list(vars(module).values())
    services = {each.name: each for each in found if isinstance(each, Service)}
    workflows: dict[str, WorkflowFunction[..., Any]] = {
        each.name: each for each in found if isinstance(each, WorkflowFunction)
    }
    if not services and not workflows:
        raise UsageError(
            f"'{where}' has no service and no workflow at its top level.",
            'Define one: `inventory = Service("inventory")`, or a function under `@workflow`.',
        )
    if wanted:
        services = {name: each for name, each in services.items() if name == wanted}
        workflows = {
            name: each
            for name, each in workflows.items()
            if name == wanted or vars(module).get(wanted) is each
        }
        if not services and not workflows:
            raise UsageError(f"'{where}' has no workflow or service '{wanted}'.", "")
    return App(where, services, workflows)


def load_module(where: str) -> ModuleType:
    """A file ending in .py, or an importable module, with its folder importable as well."""
    if where.endswith(".py") or "/" in where:
        path = Path(where)
        if not path.is_file():
            raise UsageError(f"There is no file '{where}'.", "Give the path of a Python file.")
        return _load(where, lambda: _from_file(path.resolve()))
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        known = util.find_spec(where) is not None
    except (ImportError, ValueError):
        known = False
    if not known:
        hint = f" Did you mean {where}.py?" if Path(f"{where}.py").is_file() else ""
        raise UsageError(
            f"There is no module '{where}' to import.",
            f"Give the path of a Python file, or a module that Python finds.{hint}",
        )
    return _load(where, lambda: import_module(where))


def _from_file(path: Path) -> ModuleType:
    folder, name = str(path.parent), path.stem
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"'{path.name}' is not a Python file.", "Its name must end in .py.")
    module = util.module_from_spec(spec)
    sys.modules[name] = module  # annotations are resolved through it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _load(where: str, importing: Any) -> ModuleType:
    try:
        return importing()
    except PavaneError:
        raise
    except SyntaxError as error:
        place = f"{error.filename or where}:{error.lineno or 0}"
        line = f"\n    {error.text.strip()}" if error.text else ""
        raise AppError(f"{place}: {error.msg}.{line}", "Correct the syntax.") from error
    except Exception as error:
        kind = type(error).__name__
        raise AppError(
            f"{_place(error, where)}: {kind}: {error} (while '{where}' was loaded).",
            "Python must be able to import it.",
        ) from error


def _place(error: Exception, where: str) -> str:
    """The innermost line that is neither ours nor the import system's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else where
