"""A for-each danced by processes: items side by side in another service, one of whom is killed."""

import json
import signal
from pathlib import Path

from tests.acceptance.cli.processes import done, refused
from tests.acceptance.cli.test_dancing_loops import BUS, dancing, effects

APP = """
import time
from pathlib import Path

from pavane import Fail, Service, gather, workflow

packing, shipping = Service("packing"), Service("shipping")
EFFECTS = Path("effects.txt")


def note(what: str) -> None:
    with EFFECTS.open("a") as file:
        file.write(what + "\\n")


@packing.task
def unpack(order: str) -> None:
    note(f"unpack {order}")


@packing.task(undo=unpack)
def pack(order: str) -> list[int]:
    return [int(each) for each in order.split()]


@shipping.task
def recall(box: int, number: str) -> None:
    note(f"recall {box} {number}")


@shipping.task(undo=recall)
def send(box: int) -> str:
    if box > 90:
        time.sleep(0.5)
        raise Fail(f"box {box} is too heavy")
    time.sleep(0.2)
    note(f"send {box}")
    return f"S-{box}"


@packing.task(read_only=True)
def file_all(numbers: list[str]) -> str:
    return " ".join(numbers)


@workflow(style="choreographed")
async def deliver(order: str) -> str:
    boxes = await pack(order)
    numbers = await gather(*(send(box) for box in boxes))
    return await file_all(numbers)
"""


def given(order: str) -> str:
    return json.dumps({"order": order})


def test_items_are_done_side_by_side_in_another_process(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    start = ("start", "deliver", *BUS, "--wait", "--input")
    with dancing(tmp_path, "packing"), dancing(tmp_path, "shipping"):
        id, _, output = done(tmp_path, *start, given("3 1 2")).partition("\n")
        assert json.loads(output) == {"result": "S-3 S-1 S-2"}
        assert sorted(effects(tmp_path)) == ["send 1", "send 2", "send 3"]
        shown = json.loads(done(tmp_path, "show", id, *BUS, "--json"))
        steps = {step["ref"]: step for step in shown["steps"]}
        assert steps["each_send"]["input"]["forkedTasks"] == ["_send_0", "_send_1", "_send_2"]
        assert [steps[f"_send_{i}"]["fork"] for i in range(3)] == ["each_send"] * 3
        assert steps["each_send_join"]["output"]["_send_1"] == {"result": "S-1"}

        output = done(tmp_path, *start, given("")).partition("\n")[2]
        assert json.loads(output) == {"result": ""}

        said = refused(tmp_path, 1, *start, given("1 99 2"))
        assert "it is COMPENSATED: _send_1: box 99 is too heavy" in said
        *others, last = effects(tmp_path)
        assert last == "unpack 1 99 2"
        sent = [each for each in others if each.startswith("send")]
        assert len(others) == 2 * len(sent)
        for each in sent:
            box = each.removeprefix("send ")
            assert others.index(f"recall {box} S-{box}") > others.index(each)
    said = done(tmp_path, "check", "--simulate", "app.py")
    assert "closed: each_send:item[1], each_send:item[2], pack" in said


def test_who_was_killed_goes_on_with_its_items(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    with dancing(tmp_path, "packing"), dancing(tmp_path, "shipping"):
        pass  # now the folder knows who dances what
    boxes = " ".join(map(str, range(1, 41)))
    id = done(tmp_path, "start", "deliver", *BUS, "--input", given(boxes))
    with dancing(tmp_path, "packing") as packing:
        with dancing(tmp_path, "shipping") as killed:
            killed.process.send_signal(signal.SIGKILL)
        with dancing(tmp_path, "shipping"):
            packing.wait_for(f"{id}  deliver  COMPLETED")
    shown = json.loads(done(tmp_path, "show", id, *BUS, "--json"))
    assert shown["output"] == {"result": " ".join(f"S-{box}" for box in range(1, 41))}
