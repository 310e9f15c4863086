"""Several versions of a workflow in flight, in real processes that are killed and replaced."""

import json
import signal
from pathlib import Path

from tests.acceptance.cli.processes import background, done, pavane, refused

HEAD = """
from pavane import Service, person, workflow

shop = Service("shop")


@shop.task
def reserve(order: str) -> str:
    return f"reserved {order}"


@shop.task
def ship(order: str) -> str:
    return f"shipped {order}"


@shop.task
def thank(order: str) -> str:
    return f"thanked for {order}"


@shop.task
def look(order: str) -> str:
    return order

"""
V1 = """
@workflow(version=1)
async def buy(order: str) -> str:
    await reserve(order)
    await person("approve", order=order)
    return await ship(order)
"""
V2 = """
@workflow(version=2)
async def buy(order: str) -> str:
    await reserve(order)
    await person("approve", order=order)
    await ship(order)
    return await thank(order)
"""
V3 = """
@workflow(version=3)
async def buy(order: str) -> str:
    await look(order)
    await reserve(order)
    await person("approve", order=order)
    return await ship(order)
"""
CHANGED = V2.replace("return await thank(order)", "return await look(order)")


def view(folder: Path, id: str, server: list[str]) -> dict[str, object]:
    return json.loads(done(folder, "show", id, "--json", *server))


def test_old_executions_end_by_the_old_version_unless_they_are_moved(tmp_path: Path):
    app = tmp_path / "app.py"
    app.write_text(HEAD + V1)
    with background(tmp_path, "run", "app.py", "--port", "0") as first:
        server = ["--server", first.url]
        ids = [
            done(tmp_path, "start", "buy", "--input", f'{{"order": "{n}"}}', *server)
            for n in "abcd"
        ]
        first.stop(signal.SIGKILL)
    for text in (V2, V3):
        app.write_text(HEAD + text)
        with background(tmp_path, "run", "app.py", "--port", "0") as between:
            server = ["--server", between.url]
            ids.append(done(tmp_path, "start", "buy", "--input", '{"order": "n"}', *server))
            between.stop(signal.SIGKILL)
    with background(tmp_path, "run", "app.py", "--port", "0") as last:
        server = ["--server", last.url]
        assert [view(tmp_path, id, server)["version"] for id in ids] == [1, 1, 1, 1, 2, 3]
        said = pavane(tmp_path, "move", ids[0], "--to", "2", "--dry-run", *server)
        assert (said.returncode, said.stdout) == (0, f"{ids[0]} fits version 2; it follows 1.\n")
        told = done(tmp_path, "diff", "buy@1", "buy@3", *server)
        assert "+ look: task is new, first of all\n    Executions that have begun `reserve`" in told
        said = "  4 at approve: cannot be moved: reserve: it began first, and stands behind 'look'"
        assert said in told
        told = done(tmp_path, "diff", "buy@1", "buy@2", *server)
        assert "Executions by version 1 that have not ended: 4.\n      4 at approve: can be" in told
        moved = done(tmp_path, "move", *ids[:2], "--to", "2", *server).splitlines()
        assert moved == [f"{id} goes on by version 2, no longer by 1." for id in ids[:2]]
        again = done(tmp_path, "move", ids[0], "--to", "2", *server)
        assert again == f"{ids[0]} follows version 2 already."
        why = refused(tmp_path, 1, "move", ids[2], "--to", "3", *server)
        assert "cannot go on by version 3: 'reserve': it began first, and stands behind" in why
        asked = pavane(tmp_path, "move", ids[2], "--to", "3", "--dry-run", *server)
        assert asked.returncode == 1
        assert "  reserve: it began first, and stands behind 'look'" in asked.stdout
        for id in ids:
            done(tmp_path, "signal", id, "approve", *server)
            done(tmp_path, "watch", id, *server)
        outputs = [view(tmp_path, id, server)["output"] for id in ids]
        thanked, shipped = "thanked for {}".format, "shipped {}".format
        assert [next(iter(each.values())) for each in outputs if isinstance(each, dict)] == [
            *[thanked("a"), thanked("b"), shipped("c"), shipped("d"), thanked("n"), shipped("n")]
        ]


def test_other_content_under_the_same_version_is_refused_and_then_only_for_new_ones(
    tmp_path: Path,
):
    app = tmp_path / "app.py"
    app.write_text(HEAD + V2)
    with background(tmp_path, "run", "app.py", "--port", "0") as first:
        server = ["--server", first.url]
        old = done(tmp_path, "start", "buy", "--input", '{"order": "o"}', *server)
        first.stop()
    app.write_text(HEAD + CHANGED)
    assert "is registered with other content" in refused(tmp_path, 1, "run", "app.py")
    with background(tmp_path, "run", "app.py", "--port", "0", "--overwrite") as last:
        server = ["--server", last.url]
        new = done(tmp_path, "start", "buy", "--input", '{"order": "n"}', *server)
        for id in (old, new):
            done(tmp_path, "signal", id, "approve", *server)
            done(tmp_path, "watch", id, *server)
        steps = {
            id: [step["ref"] for step in json.loads(done(tmp_path, "show", id, "--json"))["steps"]]
            for id in (old, new)
        }
        assert steps[old][-1] == "thank"
        assert steps[new][-1] == "look"
