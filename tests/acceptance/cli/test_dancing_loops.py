"""Loops danced by processes: iterations go from service to service, and back when one fails."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.cli.processes import Background, background, done, refused

BUS = ("--bus", "embedded:bus")
APP = """
from pathlib import Path

from pavane import Fail, Service, workflow

packing, shipping = Service("packing"), Service("shipping")
EFFECTS = Path("effects.txt")


def note(what: str) -> None:
    with EFFECTS.open("a") as file:
        file.write(what + "\\n")


@packing.task
def unpack(box: int) -> None:
    note(f"unpack {box}")


@packing.task(undo=unpack)
def pack(box: int) -> int:
    note(f"pack {box}")
    return box * 10


@shipping.task
def recall(box: int, weight: int) -> None:
    note(f"recall {box}")


@shipping.task(undo=recall)
def send(box: int, weight: int) -> str:
    if weight > 100:
        raise Fail(f"box {box} is too heavy")
    note(f"send {box}")
    return f"S-{box}"


@workflow(style="choreographed")
async def deliver(boxes: list[int], most: int) -> str:
    last, weight = "nothing", 0
    for box in boxes:
        packed = await pack(box)
        weight += packed
        tries = 0
        while tries < 2:
            tries += 1
            last = await send(box, packed)
        if weight > most:
            break
    return f"{last} {weight}"
"""


@contextmanager
def dancing(folder: Path, *services: str) -> Iterator[Background]:
    named = [word for service in services for word in ("--service", service)]
    how = ("run", "app.py", "--style", "choreographed", *BUS, *named)
    with background(folder, *how) as part:
        part.wait_for("Ctrl-C stops")
        yield part


def given(*boxes: int, most: int = 1000) -> str:
    return json.dumps({"boxes": boxes, "most": most})


def effects(folder: Path) -> list[str]:
    file = folder / "effects.txt"
    found = file.read_text().split("\n")[:-1] if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def test_iterations_go_from_process_to_process(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    start = ("start", "deliver", *BUS, "--wait", "--input")
    with dancing(tmp_path, "packing"), dancing(tmp_path, "shipping"):
        printed = done(tmp_path, *start, given(1, 2, 3, most=20))
        id, _, output = printed.partition("\n")
        assert json.loads(output) == {"result": "S-2 30"}
        each = [[f"pack {box}", f"send {box}", f"send {box}"] for box in (1, 2)]
        assert effects(tmp_path) == [*each[0], *each[1]]
        shown = json.loads(done(tmp_path, "show", id, *BUS, "--json"))
        refs = [step["ref"] for step in shown["steps"] if step["type"] == "SIMPLE"]
        assert refs == [
            "pack__1",
            "send__1__1",
            "send__1__2",
            "pack__2",
            "send__2__1",
            "send__2__2",
        ]
        output = done(tmp_path, *start, given()).partition("\n")[2]
        assert json.loads(output) == {"result": "nothing 0"}

        said = refused(tmp_path, 1, *start, given(1, 11))
        assert "it is COMPENSATED: send__2__1: box 11 is too heavy" in said
        back = ["unpack 11", "recall 1", "recall 1", "unpack 1"]
        assert effects(tmp_path) == [*each[0], "pack 11", *back]


def test_who_was_killed_goes_on_in_its_iteration(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    with dancing(tmp_path, "packing"), dancing(tmp_path, "shipping"):
        pass  # now the folder knows who dances what
    id = done(tmp_path, "start", "deliver", *BUS, "--input", given(1, 2, 3, 4, 5, 6, 7, 8))
    with dancing(tmp_path, "packing") as packing:
        with dancing(tmp_path, "shipping") as killed:
            killed.process.send_signal(signal.SIGKILL)
        with dancing(tmp_path, "shipping"):
            packing.wait_for(f"{id}  deliver  COMPLETED")
    shown = json.loads(done(tmp_path, "show", id, *BUS, "--json"))
    assert shown["output"] == {"result": "S-8 360"}
    loop = next(step for step in shown["steps"] if step["type"] == "DO_WHILE")
    assert loop["output"]["iteration"] == 8
