"""CPU of an event published and handled, on each broker: four sides by turns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from bench.alternation import Pairs, Side, process, take_turns
from bench.result import Result
from dev.services.processes import me
from dev.services.scopes import Scope
from dev.services.server import Unavailable

PAIRS = 5
EVENTS = 5000
BROKERS = ("kafka", "rabbitmq")
MOST = 1.4  # of the bare client


def results(pairs: int = PAIRS, events: int = EVENTS) -> list[Result]:
    """For each broker that can be had here."""
    scope, own = Scope(f"bench-{os.getpid()}"), me()
    scope.own(own)
    try:
        return [line for kind in BROKERS for line in _on(scope, kind, pairs, events)]
    finally:
        scope.down()


def _on(scope: Scope, kind: str, pairs: int, events: int) -> list[Result]:
    try:
        server = scope.ensure(kind)
    except Unavailable as error:
        return [Result(f"{kind}: not measured", str(error))]
    if server.how == "mock":
        return [Result(f"{kind}: not measured", "there is only a mock of it")]
    ran = take_turns(_sides(kind, server.url, events), pairs)
    plain, kept = (Pairs(ran[side], ran["bare"]) for side in ("plain", "kept"))
    ratio = plain.ratio("cpu_us")
    return [
        Result(f"{kind}: CPU us of an event, the bare client", _told(ran["bare"])),
        Result("  ours, a typed handler", _told(ran["plain"])),
        Result("    of the bare client's", f"{ratio:.2f}", f"<= {MOST}", ratio <= MOST),
        Result("  ours, a service with inbox and log", _told(ran["kept"])),
        Result("    of the bare client's", f"{kept.ratio('cpu_us'):.2f}"),
        *_beside(ran),
    ]


def _beside(ran: Mapping[str, list[dict[str, Any]]]) -> list[Result]:
    """FastStream, where it is installed."""
    if "peer" not in ran:
        return [Result("  FastStream", "is not installed")]
    ratio = Pairs(ran["peer"], ran["bare"]).ratio("cpu_us")
    ahead = Pairs(ran["plain"], ran["peer"]).ratio("cpu_us")
    return [
        Result("  FastStream, a typed handler", _told(ran["peer"])),
        Result("    of the bare client's", f"{ratio:.2f}"),
        Result("  ours of FastStream's", f"{ahead:.2f}", "< 1", ahead < 1),
    ]


def _sides(kind: str, url: str, events: int) -> Mapping[str, Side]:
    def side(module: str, *options: str) -> Side:
        return process(f"bench.buses.{module}", "handle", kind, url, events, *options)

    sides = {"bare": side("bare"), "plain": side("ours", "plain"), "kept": side("ours", "kept")}
    return {**sides, "peer": side("peer")} if find_spec("faststream") else sides


def _told(ran: list[dict[str, Any]]) -> str:
    """Together, and how much of it is the publisher's and the handler's; medians."""
    medians = Pairs(ran, ran)
    both, *parts = (medians.our(name) for name in ("cpu_us", "publish_us", "handle_us"))
    return f"{both:,.0f} ({' + '.join(f'{part:,.0f}' for part in parts)})"
