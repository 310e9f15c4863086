"""How to test it: the services run for real, and FastAPI's test client asks the application."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import app as shop
import pytest
from fastapi.testclient import TestClient

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application beside a `pavane run` on a free port, with a bus of its own."""
    bus = f"embedded:{tmp_path_factory.mktemp('bus')}"
    command = [sys.executable, "-m", "pavane", "run", "orders.py", "--style", "choreographed"]
    services = subprocess.Popen(
        [*command, "--bus", bus, "--port", "0", "--stop-with-stdin"],
        cwd=HERE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,  # it ends with us, whatever becomes of us
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert services.stdout
        said = next(line for line in services.stdout if "http://" in line)
        shop.SERVER = next(word.rstrip(".,") for word in said.split() if "http://" in word)
        with TestClient(shop.app) as web:
            yield web
    finally:
        services.communicate(timeout=30)  # closes its standard input


def test_an_order_is_shipped_once_it_is_paid(web: TestClient):
    placed = web.post("/orders", json={"id": "1", "item": "lute"})
    assert placed.status_code == 202
    where = placed.headers["location"]
    assert web.get(where).json()["status"] == "RUNNING"

    assert web.post("/payments", json={"id": "P-1", "order": "1"}).status_code == 202
    done = web.get(where, params={"wait": 20})
    assert (done.status_code, done.json()) == (200, {"parcel": "S-1", "payment": "P-1"})


def test_an_order_that_comes_twice_is_one(web: TestClient):
    first, second = (web.post("/orders", json={"id": "2", "item": "lute"}) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]


def test_an_order_that_fails_says_why(web: TestClient):
    placed = web.post("/orders", json={"id": "3", "item": "harpsichord"})
    failed = web.get(placed.headers["location"], params={"wait": 20})
    assert failed.status_code == 409
    assert "sold out" in failed.json()["detail"]


def test_an_order_that_nobody_placed(web: TestClient):
    assert web.get("/orders/01900000-0000-7000-8000-000000000000").status_code == 404
