"""`pavane demo`: the main job, for people and for programs."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli.processes import background, done, refused

UNDO_OF = {
    "reserve_stock": "release_stock",
    "charge_card": "refund_payment",
    "ship": "recall_parcel",
    "send_invoice": "void_invoice",
}


def demo(folder: Path, *arguments: str, style: str = "orchestrated") -> dict[str, Any]:
    return demos(folder, *arguments, "--style", style)[style]


def demos(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    printed = done(folder, "demo", "--json", *arguments)
    assert len(printed.splitlines()) == 1, "one object and nothing else"
    return json.loads(printed)["styles"]


def check(outcome: dict[str, Any], orders: int) -> None:
    """What holds for every demo."""
    assert outcome["started"] == orders == len(outcome["executions"])
    ended = [outcome[name] for name in ("completed", "compensated", "failed")]
    assert sum(ended) == outcome["started"]
    assert outcome["seconds"] > 0
    for execution in outcome["executions"]:
        assert execution.keys() == {"id", "workflow", "status", "cause", "steps"}
        steps = execution["steps"]
        for step in steps:
            assert step.keys() == {"ref", "task", "service", "status", "attempts"}
        status = {step["ref"]: step["status"] for step in steps}
        if execution["status"] == "COMPLETED":
            assert set(status.values()) == {"COMPLETED"}
            assert set(status) == set(UNDO_OF)
        elif execution["status"] == "COMPENSATED":
            standing = [ref for ref in UNDO_OF if status.get(ref) == "COMPLETED"]
            assert standing == [], "everything that was done is undone"
            undos = [ref for ref in status if ref.startswith("undo:")]
            assert undos
            assert all(status[ref] == "COMPLETED" for ref in undos)
            order = [step["ref"] for step in steps if step["ref"] in UNDO_OF]
            assert undos.index("undo:reserve_stock") == len(undos) - 1
            assert order[0] == "reserve_stock"
        else:
            assert "COMPLETED" not in status.values()


def test_two_hundred_varied_orders(tmp_path: Path):
    outcome = demo(tmp_path)
    check(outcome, 200)
    assert (outcome["completed"], outcome["compensated"], outcome["failed"]) == (168, 24, 8)
    attempts = [
        (step["ref"], step["attempts"])
        for execution in outcome["executions"]
        for step in execution["steps"]
        if step["attempts"] > 1 and step["status"] in {"COMPLETED", "UNDONE"}
    ]
    assert attempts.count(("ship", 3)) == 16, "carriers that fail twice and then work"
    assert attempts.count(("undo:charge_card", 2)) == 6, "undos that fail once"
    listed = done(tmp_path, "list", "--store", "sqlite:///.pavane/demo.db", "--limit", "1000")
    assert len(listed.splitlines()) == 201


def test_every_style_comes_to_the_same_outcome(tmp_path: Path):
    styles = demos(tmp_path, "--style", "all")
    assert list(styles) == ["orchestrated", "choreographed", "hybrid"]
    ends: list[list[tuple[str, str]]] = []
    for outcome in styles.values():
        check(outcome, 200)
        assert (outcome["completed"], outcome["compensated"], outcome["failed"]) == (168, 24, 8)
        ends.append([(each["status"], each["cause"]) for each in outcome["executions"]])
        steps = [step for each in outcome["executions"] for step in each["steps"]]
        assert sum(step["ref"] == "ship" and step["attempts"] == 3 for step in steps) == 16
    assert ends[0] == ends[1] == ends[2], "order by order"


@pytest.mark.parametrize("style", ["choreographed", "hybrid"])
@pytest.mark.parametrize("step", ["reserve_stock", "charge_card", "ship", "send_invoice"])
def test_a_step_that_fails_for_good_in_other_styles(tmp_path: Path, step: str, style: str):
    outcome = demo(tmp_path, "--fail", step, "--orders", "30", style=style)
    check(outcome, 30)
    assert outcome["completed"] == 0
    assert outcome["failed"] == 30 if step == "reserve_stock" else outcome["compensated"] >= 28


def test_all_styles_for_people(tmp_path: Path):
    printed = done(tmp_path, "demo", "--style", "all", "--orders", "40")
    assert printed.startswith("40 orders in 3 styles, seed 1")
    assert "orchestrated  choreographed         hybrid" in printed
    hops = next(line for line in printed.splitlines() if "one behind the other" in line)
    assert hops.split()[-3:] == ["6", "3", "8"], "dancers need half of the conductor's hops"
    assert "Every order came to the same end, for the same reason, in every style." in printed


def test_the_same_seed_gives_the_same_outcome(tmp_path: Path):
    def outcomes(seed: str) -> list[tuple[str, str]]:
        given = demo(tmp_path, "--seed", seed, "--orders", "60")
        return [(each["status"], each["cause"]) for each in given["executions"]]

    assert outcomes("7") == outcomes("7")
    assert outcomes("7") != outcomes("8")


@pytest.mark.parametrize("step", ["reserve_stock", "charge_card", "ship", "send_invoice"])
def test_a_step_that_fails_for_good_in_every_order(tmp_path: Path, step: str):
    outcome = demo(tmp_path, "--fail", step, "--orders", "30")
    check(outcome, 30)
    assert outcome["completed"] == 0
    if step == "reserve_stock":
        assert outcome["failed"] == 30, "nothing was done, so nothing is undone"
    else:
        assert outcome["compensated"] >= 28


def test_for_people(tmp_path: Path):
    printed = done(tmp_path, "demo", "--orders", "50")
    assert printed.startswith("50 orders, orchestrated, seed 1:")
    for words in ("completed", "compensated", "× card declined", "One that was undone", "✓ undo:"):
        assert words in printed
    line = next(line for line in printed.splitlines() if "pavane show" in line)
    command = line.partition("pavane ")[2].split()
    shown = done(tmp_path, *command)
    assert "COMPENSATED (cause: FAILED)" in shown
    as_data = json.loads(done(tmp_path, *command, "--json"))
    assert as_data["status"] == "COMPENSATED"
    assert as_data["steps"][0]["ref"] == "reserve_stock"


def test_a_store_that_somebody_uses_is_left_alone(tmp_path: Path):
    (tmp_path / ".pavane").mkdir()
    store = "sqlite:///.pavane/demo.db"
    with background(tmp_path, "server", "--port", "0", "--store", store) as held:
        _ = held.url
        assert "in use" in refused(tmp_path, 1, "demo", "--orders", "5")


def test_a_folder_where_nobody_may_write(tmp_path: Path):
    (tmp_path / ".pavane").write_text("a file in the way")
    said = refused(tmp_path, 1, "demo", "--orders", "5")
    assert "cannot write" in said
    assert "`pavane explain store`" in said


def test_over_processes_nothing_is_lost_with_the_one_that_is_killed(tmp_path: Path):
    styles = demos(tmp_path, "--processes", "--style", "all", "--orders", "40")
    assert list(styles) == ["orchestrated", "choreographed", "hybrid"]
    ends = [
        [(each["status"], each["cause"]) for each in outcome["executions"]]
        for outcome in styles.values()
    ]
    for outcome in styles.values():
        check(outcome, 40)
    assert ends[0] == ends[1] == ends[2]
    for style in styles:
        said = (tmp_path / ".pavane" / f"demo-{style}" / "payment.log").read_text()
        assert "Stopped." in said, "the second process; the first had no time to say so"
    assert "--processes" in refused(tmp_path, 2, "demo", "--processes", "--fail", "ship")


def children(pid: int) -> set[int]:
    """The processes that another one has started and that still run."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.add(int(stat.parent.name))
    return found


def still_there(pids: set[int]) -> set[int]:
    """Those of them that run, for whomever."""
    running: set[int] = set()
    for pid in pids:
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] not in "ZX":
                running.add(pid)
    return running


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
@pytest.mark.parametrize(("style", "count"), [("choreographed", 3), ("hybrid", 4)])
def test_a_demo_that_is_killed_leaves_nobody_behind(tmp_path: Path, style: str, count: int):
    given = ("demo", "--processes", "--style", style, "--orders", "100000")
    with background(tmp_path, *given) as it:
        until = time.monotonic() + 60
        left: set[int] = set()
        while len(left) < count:
            left |= children(it.process.pid)
            assert it.process.poll() is None, it.text
            assert time.monotonic() < until, left
            time.sleep(0.02)
        if style == "hybrid":  # in the middle of its work
            until_said(tmp_path / ".pavane" / f"demo-{style}" / "payment.log", "Ctrl-C stops")
        it.process.send_signal(signal.SIGKILL)
        it.process.wait()
        try:
            while still_there(left):
                assert time.monotonic() < until + 60, still_there(left)
                time.sleep(0.05)
        finally:
            for pid in still_there(left):
                os.kill(pid, signal.SIGKILL)


def until_said(file: Path, words: str) -> None:
    until = time.monotonic() + 60
    while not (file.exists() and words in file.read_text()):
        assert time.monotonic() < until, f"{file} does not say {words!r}"
        time.sleep(0.02)
