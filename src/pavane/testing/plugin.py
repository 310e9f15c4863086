"""The pytest plugin: what `pavane check` finds, as tests of their own that point at the line.

pytest loads it wherever Pavane is installed; it does nothing until `--pavane` or `pavane_apps`
names an application. `-p no:pavane` leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import pytest

if TYPE_CHECKING:
    from pavane.sdk.application.checking import Checked

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(:\d+)?: (?P<message>.*)", re.DOTALL)
_ASIDE = re.compile(r"\((?P<file>[^()\s]+\.py):(?P<line>\d+)\)")  # "take (shop.py:9) has no…"
_PACKAGE = Path(__file__).parents[1]


class _Terminal(Protocol):
    """What pytest prints with; `write_line` of it is no part of what plugins may rely on."""

    def line(self, s: str = "", **markup: bool) -> None: ...


class Location(NamedTuple):
    """Where a failure is, as pytest and editors ask for it: `lineno` counts from 1."""

    path: str
    lineno: int
    message: str


class Shown:
    """Findings as pytest shows a failure: in full, and one line with its place for the summary."""

    def __init__(self, findings: Sequence[str], path: str, line: int) -> None:
        self.findings = findings
        first = _PLACE.match(findings[0])
        place = first or _ASIDE.search(findings[0])
        message = (first["message"] if first else findings[0]).split("\n", 1)[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        at = (place["file"], int(place["line"])) if place else (path, line)
        self.reprcrash = Location(*at, message + more)

    def __str__(self) -> str:
        return "\n\n".join(self.findings)

    def toterminal(self, tw: _Terminal) -> None:
        """Print it."""
        for line in str(self).split("\n"):
            tw.line(line, red=True)


class _FoundError(Exception):
    """Something was found; `repr_failure` shows it."""


class CheckItem(pytest.Item):
    """One part of an application, looked at as a test."""

    def __init__(self, *, look: Callable[[], Checked], at: tuple[Path, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType]  # pytest's is open
        self._look = look
        self._at = at

    def runtest(self) -> None:
        """Fail with all findings; notes are shown beside a failure, and with `-rP` otherwise."""
        findings, notes = self._look()
        if notes:
            self.add_report_section("call", "notes", "\n".join(notes))
        if findings:
            raise _FoundError(findings)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings themselves instead of the way to them."""
        if not isinstance(excinfo.value, _FoundError):
            return super().repr_failure(excinfo, style)
        path, line = self._at
        return Shown(excinfo.value.args[0], str(path), line)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the part stands: the line counts from 0 here, as pytest wants it."""
        path, line = self._at
        return path, max(line - 1, 0), self.name


class Application(pytest.Collector):
    """The parts of one application: its services, and each workflow."""

    def collect(self) -> Iterator[CheckItem]:
        """One item for all services, one for each workflow; one that fails if it does not load."""
        from pavane.errors import PavaneError
        from pavane.sdk.application.checking import Checked, check_workflow, service_findings
        from pavane.sdk.application.loading import load_app

        here = (Path(self.name.partition(":")[0]), 1)
        try:
            app = load_app(self.name)
        except PavaneError as error:
            failed = Checked([str(error)], [])
            yield self._item("loads", lambda: failed, here)
            return
        if app.services:
            yield self._item("services", lambda: Checked(service_findings(app), []), here)
        for workflow in app.workflows.values():
            code = workflow.function.__code__
            yield self._item(
                workflow.name,
                lambda workflow=workflow: check_workflow(workflow, app),
                (Path(code.co_filename), code.co_firstlineno),
            )

    def _item(self, name: str, look: Callable[[], Checked], at: tuple[Path, int]) -> CheckItem:
        return cast(Any, CheckItem).from_parent(self, name=name, look=look, at=at)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pavane APP` for one run, `pavane_apps` in the configuration for every whole run."""
    parser.getgroup("pavane").addoption(
        "--pavane",
        action="append",
        default=[],
        metavar="APP",
        help="check the services and workflows of APP (shop.py, shop, shop.py:NAME) as tests",
    )
    parser.addini(
        "pavane_apps",
        "applications to check as tests when no test is named: files or modules, one a line",
        type="linelist",
        default=[],
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the checks in front: what does not compile explains why other tests fail."""
    named: list[str] = config.getoption("pavane") or []
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    always: list[str] = config.getini("pavane_apps") if whole else []
    found: list[pytest.Item] = []
    for target in dict.fromkeys([*always, *named]):
        found += cast(Any, Application).from_parent(session, name=target, nodeid=target).collect()
    items[:0] = found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A workflow refused in the middle of a test: show the test's lines, not the compiler's."""
    del item
    from pavane.errors import DefinitionError

    if call.excinfo is not None and isinstance(call.excinfo.value, DefinitionError):
        error: BaseException = call.excinfo.value
        shown = error.with_traceback(_outside(error.__traceback__))
        call.excinfo = cast(Any, pytest.ExceptionInfo).from_exception(shown)
    return (yield)


def _outside(traceback: TracebackType | None) -> TracebackType | None:
    """The way to the failure up to where it enters Pavane; all of it, where it begins there."""
    kept: list[TracebackType] = []
    while traceback is not None:
        if _PACKAGE in Path(traceback.tb_frame.f_code.co_filename).parents:
            break
        kept.append(traceback)
        traceback = traceback.tb_next
    short = None if kept else traceback
    for each in reversed(kept):
        short = TracebackType(short, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return short
