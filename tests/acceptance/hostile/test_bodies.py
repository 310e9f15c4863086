"""Bodies and requests that no client should send, at every address that takes one.

Whatever comes, a server process answers in its own words, with no 5xx, goes on, and keeps its size.
`PAVANE_CASES=N` sends more to each address.
"""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pavane.doors.rest.conductor.openapi import build as conductor
from pavane.doors.rest.native.openapi import build as native
from tests.acceptance.cli.processes import Background, background
from tests.acceptance.hostile.clients import WORKFLOW

CASES = int(os.environ.get("PAVANE_CASES", "8"))
GROWTH = 200 * 1024 * 1024  # bytes that a server may grow by: bodies of 5 MiB and their copies
TAKES = [
    (method.upper(), path)
    for document in (native(), conductor())
    for path, methods in document["paths"].items()
    for method in methods
    if method in {"post", "put"}
]
FIELDS = [
    *("executionId", "ref", "attempt", "worker", "tasks", "limit", "waitMs", "reports", "beats"),
    *("workflowInstanceId", "taskId", "status", "outputData", "output", "input", "name", "version"),
    *("priority", "key", "correlationId", "action", "workerId", "callbackAfterSeconds", "roles"),
]
ODD = [
    b"",
    b"null",
    b"NaN",
    b'{"limit": 1e400}',
    b'{"limit": ' + b"9" * 5000 + b"}",
    b'{"worker": "\\ud800"}',
    b'{"worker": "\xff\xfe"}',
    b'{"worker": "a", "worker": ["b"]}',
    '{"worker": "a"}'.encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b"[" * 200_000,
    b"[[]]" * 100_000,
    b'{"input":' + b"[" * 190 + b"]" * 190 + b"}",
    b'{"a":"' + b"\\\\" * 1_000_000 + b'"}',
    b"{}" + b" " * 6_000_000,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    with background(tmp_path_factory.mktemp("server"), "server", "--port", "0") as server:
        assert send(server, "POST", "/v1/workflows", json.dumps(WORKFLOW).encode())[0] == 201
        yield server


@pytest.fixture
def started(server: Background) -> str:
    answer = send(server, "POST", "/v1/workflows/digging/executions", b"{}")[1]
    return json.loads(answer)["id"]


def send(server: Background, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def well(server: Background, code: int, answer: bytes, sent: object) -> None:
    assert 200 <= code < 500, f"{code} {answer[:300]!r} to {sent!r}"
    assert b"Traceback" not in answer, answer[:2000]
    if code >= 400:
        assert json.loads(answer)["status"] == code, answer[:300]


def alive(server: Background) -> None:
    assert send(server, "GET", "/health", b"")[0] == 200
    assert "Traceback" not in server.text, server.text[-3000:]


def resident(server: Background) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def filled(path: str, execution_id: str) -> str:
    for name in ("execution_id", "workflow_id"):
        path = path.replace(f"{{{name}}}", execution_id)
    for name, value in (("name", "digging"), ("ref", "dig"), ("status", "IN_PROGRESS")):
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize(("method", "path"), TAKES)
def test_odd_bodies(server: Background, started: str, method: str, path: str):
    before = resident(server)
    for body in ODD:
        code, answer = send(server, method, filled(path, started), body)
        well(server, code, answer, body[:60])
    alive(server)
    assert resident(server) - before < GROWTH


def plausible(execution_id: str) -> st.SearchStrategy[bytes]:
    """JSON with the names of real fields, and raw bytes."""
    texts = st.text() | st.sampled_from([execution_id, "dig", "digging", f"{execution_id}/dig/0"])
    numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, 2**64, -1])
    leaves = st.none() | st.booleans() | numbers | texts
    keys = st.sampled_from(FIELDS) | st.text()
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=12,
    )
    objects = st.dictionaries(st.sampled_from(FIELDS), values, min_size=1, max_size=8)
    return st.binary(max_size=200) | (objects | values).map(lambda each: json.dumps(each).encode())


@pytest.mark.parametrize(("method", "path"), TAKES)
def test_random_bodies(server: Background, started: str, method: str, path: str):
    @settings(
        max_examples=CASES,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(plausible(started))
    def judged(body: bytes) -> None:
        code, answer = send(server, method, filled(path, started), body)
        well(server, code, answer, body)

    judged()
    alive(server)


def test_a_path_with_a_line_end_is_told_in_the_shape_of_its_api(server: Background):
    for path, name in (("/api/workflow/a%0Ab", "message"), ("/v1/workflows/a%0Ab/x", "detail")):
        code, answer = send(server, "GET", path, b"")
        assert code == 404
        assert json.loads(answer)[name]


def update(task_id: str, worker: str, **more: object) -> bytes:
    whole = {
        "workflowInstanceId": task_id.split("/", maxsplit=1)[0],
        "taskId": task_id,
        "workerId": worker,
    }
    return json.dumps({**whole, "status": "COMPLETED", **more}).encode()


@pytest.mark.parametrize("text", ["dïg ☃", "a\r\nset-cookie: x", "\0", "\x7f\x01", "x" * 70_000])
def test_texts_that_no_header_can_carry(server: Background, started: str, text: str):
    """What is said in a header, or goes from a path into the store."""
    for path in ("/api/tasks", "/api/tasks/update-v2"):
        for task_id in (f"{started}/dig/0", f"{started}/{text}/0", f"{text}/dig/0"):
            body = update(task_id, text)
            code, answer = send(server, "POST", path, body)
            well(server, code, answer, body[:100])
            late = update(task_id, text, logs=[text], status="FAILED")
            code, answer = send(server, "POST", path, late)
            well(server, code, answer, late[:100])
    if len(text) < 10_000:
        for path in ("/v1/executions/", "/v1/workflows/", "/api/tasks/poll/", "/api/tasks/"):
            code, answer = send(server, "GET", path + quote(text, safe=""), b"")
            well(server, code, answer, path)
            asked = f"{path}x?workerid={quote(text)}&status={quote(text)}&version={quote(text)}"
            code, answer = send(server, "GET", asked, b"")
            well(server, code, answer, asked)
    alive(server)


HOST = b"Host: 127.0.0.1\r\n"
PUT = b"POST /v1/exchange HTTP/1.1\r\n" + HOST
MALFORMED = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    "no version": b"GET /health\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "http/9": b"GET /health HTTP/9.9\r\n" + HOST + b"\r\n",
    "a line without an end": b"GET /" + b"a" * 100_000,
    "many headers": PUT + b"".join(b"x-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "a big header": PUT + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
    "negative length": PUT + b"Content-Length: -1\r\n\r\n{}",
    "length no number": PUT + b"Content-Length: 0x2\r\n\r\n{}",
    "two lengths": PUT + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "huge length": PUT + b"Content-Length: 999999999999999999999\r\n\r\n{}",
    "chunk no number": PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "huge chunk": PUT + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
    "both lengths": PUT + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": PUT + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "bytes in a target": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "odd escapes": b"GET /v1/executions/%zz%ff%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "whole address": b"GET http://127.0.0.1/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "strange method": b"BREW /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "an upgrade": b"GET /health HTTP/1.1\r\n"
    + HOST
    + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "pipelined garbage": b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n\0\0\0\0\r\n\r\n",
    "expects and is gone": PUT + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    "a shorter body": PUT + b"Content-Length: 50\r\n\r\n{}",
    "bytes in a header": PUT + b"x: \xff\xfe\0\r\nContent-Length: 2\r\n\r\n{}",
    "bytes in a host": b"GET /v1/executions HTTP/1.1\r\nHost: \xc3\xa9\xff\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests(server: Background, sent: bytes):
    before = resident(server)
    for _ in range(5):
        answer = raw(server, sent)
        for status in [part.split()[0] for part in answer.split(b"HTTP/1.1 ")[1:]]:
            assert int(status) < 500, answer[:500]
        assert b"Traceback" not in answer
    alive(server)
    assert resident(server) - before < GROWTH


def raw(server: Background, sent: bytes) -> bytes:
    """What comes back until the other side ends it, or says nothing more for a while."""
    found = b""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=1) as sock:
        try:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65536):
                found += data
        except OSError:  # in time, or as soon as the other side has ended it
            pass
    return found


def test_pipelined_requests_are_answered_in_order(server: Background):
    get = b"GET %s HTTP/1.1\r\n" + HOST + b"\r\n"
    paths = [b"/health", b"/v1/nothing", b"/api/version"] * 100
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as sock:
        sock.sendall(b"".join(get % path for path in paths))
        answer = b""
        while answer.count(b"HTTP/1.1 ") < len(paths) or not answer.endswith(b"dev0"):
            data = sock.recv(65536)
            assert data, answer[-500:]
            answer += data
    codes = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [b"200", b"404", b"200"] * 100
