"""The pages as they are sent: escaped, within limits, with a policy that lets no script in."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import running_engine
from pavane.core.model.workflow import Step
from pavane.doors.dashboard.html import tag
from pavane.doors.dashboard.iterations import newest
from pavane.doors.dashboard.layout import STEPS_MAX, Block, layout
from pavane.doors.site import build_site
from pavane.engine.views.shapes import StepView

pytestmark = pytest.mark.anyio

EVIL = "\"'><script>alert(1)</script><svg onload=alert(1)>"


class Scripts(HTMLParser):
    """Every script and every attribute that would run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and not (given.get("src") or "").startswith("/assets/page.js?"):
            self.found.append(tag)
        self.found += [name for name in given if name.startswith("on") or name == "style"]
        self.found += [v for v in given.values() if v and v.startswith("javascript:")]


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with running_engine("memory:") as engine:
        transport = httpx2.ASGITransport(app=build_site(engine), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def wait(ref: str) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "WAIT"}


async def started(client: httpx2.AsyncClient, tasks: list[Any], input: Any = None) -> str:
    definition = {"name": "w", "version": 1, "tasks": tasks}
    answer = await client.post("/v1/workflows?overwrite=true", json=definition)
    assert answer.status_code == 201, answer.text
    answer = await client.post("/v1/workflows/w/executions", json={"input": input or {}})
    return answer.json()["id"]


async def test_names_and_data_are_escaped_everywhere(client: httpx2.AsyncClient):
    id = await started(client, [wait("first")], {EVIL: EVIL})
    reason = {"reason": EVIL}
    assert (await client.post(f"/v1/executions/{id}/terminate", json=reason)).status_code == 200
    addresses = [
        "/",
        f"/executions/{id}",
        "/executions/<svg onload=alert(1)>",
        f"/?workflow={EVIL}",
    ]
    for address in [*addresses, f"/?status={EVIL}", f"/?key={EVIL}", f"/?before={EVIL}"]:
        page = await client.get(address, follow_redirects=True)
        assert page.headers["content-type"].startswith("text/html"), address
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        scripts = Scripts()
        scripts.feed(page.text)
        assert scripts.found == [], address
    assert "&lt;script&gt;" in (await client.get(f"/executions/{id}")).text


async def test_a_loop_is_drawn_with_its_newest_iteration(client: httpx2.AsyncClient):
    loop = {
        "name": "each",
        "taskReferenceName": "each",
        "type": "DO_WHILE",
        "items": ["a", "b", "c"],
        "loopOver": [{"name": "note", "taskReferenceName": "note", "type": "NOOP"}],
    }
    id = await started(client, [loop, wait("last")])
    page = (await client.get(f"/executions/{id}")).text
    assert page.count('class="loop"') == 1 and page.count("way again") == 1
    assert "do while · iteration 3" in page
    graph = page.partition("<svg")[2].partition("</svg>")[0]
    assert 'href="#step-note__3"' in graph and "note: COMPLETED" in graph
    assert "note__1" not in graph, "in the list of steps below"
    assert 'id="step-note__1"' in page


async def test_a_fan_is_one_box_with_a_count(client: httpx2.AsyncClient):
    fan = {
        "name": "all",
        "taskReferenceName": "all",
        "type": "FORK_JOIN_DYNAMIC",
        "inputParameters": {"forkTaskInputs": [1, 2, 3], "forkTaskName": "pack"},
    }
    join = {"name": "join", "taskReferenceName": "join", "type": "JOIN"}
    id = await started(client, [fan, join, wait("last")])
    page = (await client.get(f"/executions/{id}")).text
    graph = page.partition("<svg")[2].partition("</svg>")[0]
    assert graph.count('class="fan"') == 1
    assert "fan · 0 of 3 done" in graph
    assert "_pack_0" not in graph, "in the list of steps below"
    assert 'id="step-_pack_0"' in page


async def test_what_goes_wrong_is_a_page_too(client: httpx2.AsyncClient):
    for address, status in (("/executions/none", 404), ("/?status=none", 400), ("/?style=x", 400)):
        page = await client.get(address)
        assert page.status_code == status
        assert "<h1>" in page.text
    assert (await client.get("/assets/secrets")).status_code == 404


async def test_a_large_payload_is_cut_with_a_way_to_all_of_it(client: httpx2.AsyncClient):
    id = await started(client, [wait("first")], {"long": "x" * 1_000_000})
    page = await client.get(f"/executions/{id}")
    assert len(page.text) < 20_000
    assert "1,000,011 bytes" in page.text
    assert f'href="/v1/executions/{id}"' in page.text


async def test_the_files_of_a_page_are_there(client: httpx2.AsyncClient):
    page = (await client.get("/")).text
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        address = page.partition(f"/assets/{name}")[2].partition('"')[0]
        answer = await client.get(f"/assets/{name}{address}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "http://" not in answer.text
        assert "https://" not in answer.text, "pages work with no network"


def step(ref: str, **more: Any) -> Step:
    return Step(name=ref, task_reference_name=ref, **more)


def seen_step(ref: str) -> StepView:
    return StepView(ref=ref, task=ref, service="", type="SIMPLE", status="COMPLETED", attempts=1)


def placed(block: Block | None) -> dict[str, tuple[float, float, float, float]]:
    assert block is not None
    return {each.step.ref: (each.x, each.y, each.width, each.height) for each in block.placed}


def test_boxes_do_not_meet_and_ways_lead_down():
    block = layout(
        [
            step("one"),
            step("fork", type="FORK_JOIN", fork_tasks=[[step("a"), step("b")], [step("c")], []]),
            step("join", type="JOIN", join_on=["b", "c"]),
            step(
                "switch",
                type="SWITCH",
                decision_cases={"x": [step("d"), step("end", type="TERMINATE")], "y": [step("e")]},
            ),
            step("last"),
        ]
    )
    boxes = placed(block)
    assert boxes.keys() == {*"abcde", "one", "fork", "join", "switch", "end", "last"}
    assert block is not None
    for name, (x, y, width, height) in boxes.items():
        assert x >= 0 and x + width <= block.width and y >= 0 and y + height <= block.height
        for other, (x2, y2, width2, height2) in boxes.items():
            apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
            assert name == other or apart, (name, other)
    ways = {(each.source, each.target) for each in block.lines if each.target}
    assert {("one", "fork"), ("fork", "a"), ("a", "b"), ("b", "join"), ("e", "last")} <= ways
    assert ("switch", "last") in ways, "no case fits"
    assert not any(source == "end" for source, _ in ways)
    assert all(each.y2 >= each.y1 for each in block.lines)


def test_a_loop_is_a_frame_around_its_steps():
    ends = step("done", type="TERMINATE")
    inner = step("inner", type="DO_WHILE", items="${workflow.input.x}", loop_over=[step("b")])
    block = layout(
        [
            step("first"),
            step(
                "loop",
                type="DO_WHILE",
                loop_condition="True",
                loop_over=[
                    step("a"),
                    step("switch", type="SWITCH", decision_cases={"x": [inner], "y": [ends]}),
                ],
            ),
            step("last"),
        ]
    )
    assert block is not None
    boxes, frames = placed(block), {each.step.ref: each for each in block.frames}
    assert frames.keys() == {"loop", "inner"}
    for loop, names in (("loop", {"a", "switch", "inner", "b", "done"}), ("inner", {"b"})):
        frame = frames[loop]
        for name in names:
            x, y, width, height = boxes[name]
            assert frame.x < x and x + width < frame.x + frame.width
            assert frame.y < y and y + height < frame.y + frame.height
    for name in ("first", "last", "done", "a"):  # beside and around it, not in it
        x, y, width, height = boxes[name]
        frame = frames["inner"]
        across = x < frame.x + frame.width and frame.x < x + width
        assert not (across and y < frame.y + frame.height and frame.y < y + height), name
    outer = frames["loop"]
    assert outer.x >= 0 and outer.x + outer.width <= block.width
    assert boxes["last"][1] >= outer.y + outer.height
    ways = {(each.source, each.target) for each in block.lines if each.target and not each.back}
    assert {("first", "loop"), ("loop", "a"), ("a", "switch"), ("loop", "last")} <= ways
    back = {each.target for each in block.lines if each.back}
    assert back == {"loop", "inner"}


def test_a_picture_shows_the_newest_iteration():
    body = [step("a"), step("inner", type="DO_WHILE", loop_over=[step("b")]), step("c__1")]
    steps = [step("loop", type="DO_WHILE", loop_over=body), step("last")]
    refs = ["loop", "a__1", "inner__1", "b__1__1", "b__1__2", "c__1__1", "a__2", "inner__2"]
    seen = {ref: seen_step(ref) for ref in [*refs, "b__2__1"]}
    now = newest(steps, seen)
    shown = {name: each.ref for name, each in now.steps.items()}
    assert shown == {"loop": "loop", "a": "a__2", "inner": "inner__2", "b": "b__2__1"}
    assert now.iterations == {"loop": 2, "inner": 1}
    assert newest(steps, {}) == ({}, {})
    done = newest(steps, {"loop": seen_step("loop"), "last": seen_step("last")})
    assert done.iterations == {} and set(done.steps) == {"loop", "last"}


def test_what_is_too_large_is_not_drawn():
    assert layout([step(str(each)) for each in range(STEPS_MAX + 1)]) is None
    deep: list[Step] = []
    for number in range(60):
        deep = [step(str(number), type="FORK_JOIN", fork_tasks=[deep])]
    assert layout(deep) is None
    assert layout([]) is not None


def test_only_markup_is_markup():
    assert tag("p", "<b>", ["&", tag("i", 1)], title='"') == (
        '<p title="&quot;">&lt;b&gt;&amp;<i>1</i></p>'
    )
