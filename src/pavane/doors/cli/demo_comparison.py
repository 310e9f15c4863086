"""The same orders in every style, side by side: what became of them, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from pavane.core.model import status as st
from pavane.doors.cli.demo_processes import VICTIM, Survived, names
from pavane.doors.cli.demo_styles import Outcome
from pavane.doors.cli.demo_summary import command_name
from pavane.doors.cli.render import first_line

_WIDE = 15


def comparison_lines(count: int, what: str, outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """A table with a column for each style, and whether they agree order by order."""
    yield f"{count} orders in {len(outcomes)} styles, {what}"
    yield ""
    yield _row("", list(outcomes))
    statuses = {style: Counter(v.status for v in one.views) for style, one in outcomes.items()}
    for status in (st.COMPLETED, st.COMPENSATED, st.FAILED, st.NEEDS_ATTENTION):
        counts = [counter[status] for counter in statuses.values()]
        if any(counts) or status != st.NEEDS_ATTENTION:
            yield _row(status.lower().replace("_", " "), counts)
    yield ""
    outs = list(outcomes.values())
    yield _row("messages between services, an order", [f"{one.messages:.1f}" for one in outs])
    yield _row("of these one behind the other, at most", [one.hops for one in outs])
    yield _row("seconds in this process", [f"{one.seconds:.1f}" for one in outs])
    yield ""
    yield from _agreement(outcomes)
    yield ""
    yield "One behind the other: on the longest way of an order that goes well. A conductor asks"
    yield "for each step and is answered; dancers pass the order on. The seconds compare nothing:"
    yield "the conductor's orders are kept in SQLite, the dancers' here in memory."
    yield ""
    yield "Look further:"
    yield f"  {command_name()} demo --style choreographed --fail ship"


def survival_lines(count: int, seed: int, survived: Mapping[str, Survived]) -> Iterator[str]:
    """As `comparison_lines`, for orders that went through processes of which one was killed."""
    yield f"{count} orders, seed {seed}; services in three processes: {names()}."
    yield f"In each style, {VICTIM[0]} is killed (SIGKILL) on the way, and begins again."
    yield ""
    yield _row("", list(survived))
    all_of_them = list(survived.values())
    statuses = [Counter(view.status for view in one.views) for one in all_of_them]
    for status in (st.COMPLETED, st.COMPENSATED, st.FAILED, st.NEEDS_ATTENTION):
        counts = [counter[status] for counter in statuses]
        if any(counts) or status != st.NEEDS_ATTENTION:
            yield _row(status.lower().replace("_", " "), counts)
    yield ""
    yield _row("orders under way when it was killed", [one.under_way for one in all_of_them])
    yield _row("seconds until it was back", [f"{one.away_s:.1f}" for one in all_of_them])
    yield _row("seconds for all orders", [f"{one.seconds:.1f}" for one in all_of_them])
    yield ""
    yield from _agreement(survived)
    if all(view.ended_at for one in all_of_them for view in one.views):
        yield "Nothing was lost: what the dead process had in its hands was given to the next one."
    yield ""
    yield "Look further:"
    if "orchestrated" in survived:
        yield f"  {command_name()} list --store sqlite:///.pavane/demo-orchestrated/demo.db"
    if "choreographed" in survived:
        yield f"  {command_name()} list --bus embedded:.pavane/demo-choreographed/bus"
    yield f"  {command_name()} demo --style all"


def _row(label: str, cells: list[object] | list[str] | list[int]) -> str:
    return f"{label:40}" + "".join(f"{cell!s:>{_WIDE}}" for cell in cells)


def _agreement(outcomes: Mapping[str, Outcome] | Mapping[str, Survived]) -> Iterator[str]:
    """Order by order: status, cause and reason are those of the first style, or are shown."""
    first, *others = outcomes.values()
    differ: list[str] = []
    for views in zip(first.views, *(one.views for one in others), strict=True):
        told = [(v.status, v.cause, _bare(v.reason)) for v in views]
        if len(set(told)) > 1:
            shown = "; ".join(
                f"{style} {status} {reason}"
                for style, (status, _, reason) in zip(outcomes, told, strict=True)
            )
            differ.append(f"  {views[0].key}: {shown}")
    if not differ:
        yield "Every order came to the same end, for the same reason, in every style."
        return
    yield f"{len(differ)} orders came to different ends:"
    yield from differ[:10]


def _bare(reason: str) -> str:
    """A reason without the names of the scopes that it came through."""
    return first_line(reason).rpartition(": ")[2]
