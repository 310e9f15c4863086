"""`pavane server` and `pavane run`, with the commands that talk to them."""

import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.acceptance.cli.processes import SHOP, background, done, pavane, refused

APP = """
from pavane import Fail, Service, sleep, workflow

clerk = Service("clerk")

@clerk.task
async def unfile(paper: str) -> None: ...

@clerk.task(undo=unfile)
async def file(paper: str) -> str:
    return paper.upper()

@clerk.task
async def stamp(paper: str) -> str:
    if paper == "BAD":
        raise Fail("it is crumpled")
    return f"{paper}!"

@workflow
async def process(paper: str) -> str:
    filed = await file(paper)
    stamped = await stamp(filed)
    return stamped

@workflow
async def slow(paper: str) -> str:
    await sleep("1h")
    filed = await file(paper)
    return filed
"""


def get(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def order(**more: str) -> str:
    fixed = {"id": "1", "customer": "Byrd", "item": "lute", "quantity": 1, "card": "4111"}
    return json.dumps({"order": {**fixed, "country": "CH", **more}})


def test_a_server_is_ready_and_stops_gracefully(tmp_path: Path):
    with background(tmp_path, "server", "--port", "0") as server:
        assert get(f"{server.url}/health") == (200, {"status": "ok", "healthy": True})
        assert (tmp_path / "pavane.db").exists(), "the server's default store"
        assert server.stop() == 0
        assert server.text.endswith("Stopped.\n")
    with background(tmp_path, "server", "--port", "0") as server:
        _ = server.url
        assert server.stop(signal.SIGINT) == 0


def test_a_request_that_waits_does_not_hold_the_server_up(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    with background(tmp_path, "run", "app.py", "--port", "0", "--store", "memory:") as server:
        given = ["--server", server.url]
        id = done(tmp_path, "start", "slow", "--input", '{"paper": "x"}', *given)
        answers: list[tuple[int, dict[str, object]]] = []
        url = f"{server.url}/v1/executions/{id}/result?wait=60"
        asking = threading.Thread(target=lambda: answers.append(get(url)))
        asking.start()
        time.sleep(0.3)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        asking.join(10)
    assert [(code, body["status"]) for code, body in answers] == [(202, "RUNNING")]


def test_a_second_server_on_the_same_store_is_refused(tmp_path: Path):
    with background(tmp_path, "server", "--port", "0") as server:
        url = server.url
        said = refused(tmp_path, 1, "server", "--port", "0")
        assert "in use" in said
        assert "--store" in said
        said = refused(tmp_path, 1, "start", "x")
        assert "in use" in said
        assert "--server" in said
        assert get(f"{url}/health")[0] == 200, "the first one is unharmed"
        assert done(tmp_path, "list") == "No executions.", "reading is for everybody"
        server.process.kill()
        server.process.wait()
    with background(tmp_path, "server", "--port", "0") as server:
        assert get(f"{server.url}/health")[0] == 200, "a killed server leaves no lock behind"


def test_a_port_that_is_taken_is_told(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(tmp_path, 1, "server", "--port", port)
        assert f"Port {port}" in said
        assert "is in use" in said
        assert not (tmp_path / "pavane.db").exists()


def test_the_shop_from_another_terminal(tmp_path: Path):
    with background(tmp_path, "run", str(SHOP), "--port", "0") as shop:
        server = ["--server", shop.url]
        ended = pavane(
            tmp_path, "start", "fulfil_order", "--input", order(), "--key", "a", "--wait", *server
        )
        assert ended.returncode == 0, ended.stderr
        id, _, output = ended.stdout.partition("\n")
        assert json.loads(output) == {"parcel": "S-1", "invoice": "I-1"}
        again = done(
            tmp_path, "start", "fulfil_order", "--input", "@-", "--key", "a", *server, input=order()
        )
        assert again == id, "the same key starts once"

        bad = ["--input", order(country="the Moon"), "--wait", *server]
        ended = pavane(tmp_path, "start", "fulfil_order", *bad)
        assert ended.returncode == 1
        assert "COMPENSATED" in ended.stderr
        assert "no carrier goes to the Moon" in ended.stderr

        listed = done(tmp_path, "list", "--status", "completed", *server)
        assert len(listed.splitlines()) == 2
        assert id in listed
        shown = done(tmp_path, "show", id, *server)
        assert "shipping.ship" in shown
        assert done(tmp_path, "show", id) == shown, "the store says the same"
        assert "✓ reserve_stock" in done(tmp_path, "watch", id, *server)
        assert shop.wait_for(f"{id}  fulfil_order  COMPLETED")
        assert shop.stop() == 0


def test_bad_input_is_told_and_nothing_is_lost(tmp_path: Path):
    big = tmp_path / "big.json"
    big.write_text(json.dumps({"order": "x" * 10_000_000}))
    deep = tmp_path / "deep.json"
    deep.write_text('{"a":' * 300 + "1" + "}" * 300)
    bottomless = tmp_path / "bottomless.json"
    bottomless.write_text('{"a":' * 300_000 + "1" + "}" * 300_000)
    with background(tmp_path, "run", str(SHOP), "--port", "0") as shop:
        server = ["--server", shop.url]
        said = refused(tmp_path, 1, "start", "nothing_like_it", *server)
        assert "nothing_like_it" in said
        assert "fulfil_order" in said
        start = ["start", "fulfil_order", *server, "--input"]
        assert "larger than 5 MiB" in refused(tmp_path, 1, *start, "@big.json")
        assert "deeper than" in refused(tmp_path, 1, *start, "@deep.json")
        assert "too deeply" in refused(tmp_path, 2, *start, "@bottomless.json")
        wrong = order(quantity="many")
        ended = pavane(tmp_path, *start, wrong, "--wait")
        assert ended.returncode == 1
        assert "quantity" in ended.stderr, "the error names the path of the bad field"
        assert "no execution 'x'" in refused(tmp_path, 1, "show", "x", *server)
        assert done(tmp_path, *start, order(), "--wait")


def test_waiting_steps_pause_and_cancel(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    with background(tmp_path, "run", "app.py", "--port", "0", "--store", "memory:") as run:
        server = ["--server", run.url]
        id = done(tmp_path, "start", "slow", "--input", '{"paper": "x"}', *server)
        assert done(tmp_path, "pause", id, *server) == "PAUSED"
        assert done(tmp_path, "resume", id, *server) == "RUNNING"
        view = json.loads(done(tmp_path, "show", id, "--json", *server))
        (waiting,) = [step["ref"] for step in view["steps"] if step["type"] == "WAIT"]
        assert "no step 'nope'" in refused(tmp_path, 1, "signal", id, "nope", *server)
        assert done(tmp_path, "signal", id, waiting, *server) in {"RUNNING", "COMPLETED"}
        assert "COMPLETED" in done(tmp_path, "watch", id, *server)

        refusal = done(tmp_path, "start", "slow", "--input", '{"paper": "x"}', *server)
        signal = ["signal", refusal, waiting, "--reason", "too expensive", *server]
        assert "Add --fail" in refused(tmp_path, 2, *signal)
        assert done(tmp_path, *signal, "--fail") == "FAILED"
        assert f"{waiting}: too expensive" in done(tmp_path, "show", refusal, *server)

        other = done(tmp_path, "start", "slow", "--input", '{"paper": "x"}', *server)
        assert done(tmp_path, "cancel", other, "--reason", "enough", *server) == "TERMINATED"
        assert "enough" in done(tmp_path, "show", other, *server)
        assert done(tmp_path, "retry", other, *server) == "RUNNING"
        assert "is RUNNING" in refused(tmp_path, 1, "resume", other, *server)


def test_without_a_server_the_store_keeps_what_was_started(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    said = refused(tmp_path, 1, "start", "process", "--input", '{"paper": "x"}')
    assert "process" in said
    with background(tmp_path, "run", "app.py") as run:
        run.wait_for("Ctrl-C stops")
        assert run.stop() == 0
    id = done(tmp_path, "start", "process", "--input", '{"paper": "x"}')
    assert "RUNNING" in done(tmp_path, "show", id)
    with background(tmp_path, "run", "app.py") as run:
        run.wait_for(f"{id}  process  COMPLETED")
        run.stop()
    assert "✓ stamp" in done(tmp_path, "show", id)


def test_start_with_the_application_in_this_process(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    start = ["start", "process", "--app", "app.py", "--wait", "--input"]
    printed = done(tmp_path, *start, '{"paper": "x"}')
    assert json.loads(printed.partition("\n")[2]) == {"result": "X!"}
    assert "it is crumpled" in refused(tmp_path, 1, *start, '{"paper": "bad"}')


def test_a_changed_workflow_needs_a_new_version_or_a_word(tmp_path: Path):
    app = tmp_path / "app.py"
    app.write_text(APP)
    with background(tmp_path, "run", "app.py") as run:
        run.wait_for("Ctrl-C stops")
        run.stop()
    app.write_text(APP.replace("return stamped", "return filed"))
    said = refused(tmp_path, 1, "run", "app.py")
    assert "'process'" in said
    assert "version" in said
    with background(tmp_path, "run", "app.py", "--overwrite") as run:
        run.wait_for("Ctrl-C stops")
        assert run.stop() == 0
