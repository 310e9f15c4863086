"""The live table: a row per execution, a column per step, a bar for the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pavane.core.model.status import ENDED
from pavane.doors.cli.render import COLOURS, MARKS
from pavane.doors.cli.rounds import by_step, telling
from pavane.engine.views.shapes import ExecutionView, StepView

MOST_COLUMNS = 8
LINES_AROUND = 7  # head, bar, legend and the prompt


class Board:
    """Shows the executions that changed last, and counts all that it has seen."""

    def __init__(self, total: int | None = None, console: Console | None = None) -> None:
        self._total = total
        self._console = console or Console()
        self._statuses: dict[str, str] = {}
        self._shown: dict[str, ExecutionView] = {}  # the one that changed last is at the end
        self._columns: list[str] = []
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)

    def __enter__(self) -> Board:
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def needs(self, status: str) -> bool:
        """All of them: it shows how they go."""
        return True

    def show(self, views: Iterable[ExecutionView]) -> None:
        """Take the changes and draw."""
        for view in views:
            self._statuses[view.id] = view.status
            self._shown.pop(view.id, None)
            self._shown[view.id] = view
            for name, steps in by_step(view.steps).items():
                if is_work(steps[-1]) and name not in self._columns:
                    self._columns.append(name)
        rows = max(self._console.size.height - LINES_AROUND, 3)
        while len(self._shown) > rows:
            self._shown.pop(next(iter(self._shown)))
        self._live.update(self.render())

    def render(self) -> RenderableType:
        """The table, the bar and the counts."""
        columns = self._columns[:MOST_COLUMNS]
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("execution", no_wrap=True)
        for ref in columns:
            table.add_column(ref, justify="center", no_wrap=True)
        table.add_column("status", no_wrap=True)
        for view in sorted(self._shown.values(), key=lambda each: each.id):
            steps = by_step(view.steps)
            cells = [_cell(steps.get(name, [])) for name in columns]
            status = Text(view.status, style=COLOURS.get(view.status, ""))
            table.add_row(view.key or view.id, *cells, status)
        return Group(table, Text(), self._bar(), self._counts())

    def _bar(self) -> RenderableType:
        ended = sum(status in ENDED for status in self._statuses.values())
        total = self._total or len(self._statuses)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total, completed=ended, width=40), f"{ended} of {total}")
        return grid

    def _counts(self) -> Text:
        counts = Counter(self._statuses.values())
        line = Text()
        for status in sorted(counts):
            line.append(f"{counts[status]} {status.lower()}  ", style=COLOURS.get(status, ""))
        return line


def is_work(step: StepView) -> bool:
    """Whether a step is a service's work (or another execution), and not an undo."""
    return not step.undoes and (bool(step.service) or step.type in {"SIMPLE", "SUB_WORKFLOW"})


def _cell(iterations: Sequence[StepView]) -> Text:
    """The newest iteration or the slowest branch, with its attempts and how many there were."""
    if not iterations:
        return Text(" ")
    step = telling(iterations)
    retried = str(step.attempts) if step.attempts > 1 else ""
    rounds = f" ×{len(iterations)}" if len(iterations) > 1 else ""
    return Text(MARKS.get(step.status, "?") + retried + rounds, style=COLOURS.get(step.status, ""))
