"""A URL in the environment comes first, and one that leads nowhere is refused in clear words."""

from pathlib import Path

import pytest

from dev.services.given import WrongUrl, given, hidden
from dev.services.scopes import Scope
from dev.services.server import free_port


def test_a_given_url_is_taken_and_nothing_is_started(postgres_url: str, tmp_path: Path):
    scope = Scope("given", tmp_path)
    known = scope.ensure("postgres", environment={"POSTGRES_URL": postgres_url})
    assert (known.url, known.how) == (postgres_url, "given")
    assert scope.running() == []
    assert not scope.folder.exists()


def test_an_empty_url_is_none():
    assert given("kafka", {"KAFKA_URL": " "}) is None
    assert given("kafka", {"POSTGRES_URL": "postgresql://localhost"}) is None


def test_one_broker_of_several_that_answers_is_enough(rabbitmq_url: str):
    place = rabbitmq_url.partition("@")[2].rstrip("/")
    url = f"amqp://guest:guest@127.0.0.1:{free_port()},{place}/"
    assert given("rabbitmq", {"RABBITMQ_URL": url}) == url


def test_a_url_where_nobody_listens_is_refused():
    port = free_port()
    url = f"postgresql://me:secret@127.0.0.1:{port}/db"
    with pytest.raises(
        WrongUrl, match=f"no postgres answers there.*{port}.*unset POSTGRES_URL"
    ) as e:
        given("postgres", {"POSTGRES_URL": url})
    assert "secret" not in str(e.value)


@pytest.mark.parametrize("url", ["mysql://localhost/db", "localhost:5432", "postgresql:///db"])
def test_a_url_of_another_kind_is_refused(url: str):
    with pytest.raises(WrongUrl, match="POSTGRES_URL must look like postgresql://host:5432"):
        given("postgres", {"POSTGRES_URL": url})


def test_another_server_at_that_place_is_told_apart(postgres_url: str, rabbitmq_url: str):
    database = postgres_url.partition("@")[2].partition("/")[0]
    broker = rabbitmq_url.partition("@")[2].rstrip("/")
    with pytest.raises(WrongUrl, match="this is not PostgreSQL"):
        given("postgres", {"POSTGRES_URL": f"postgresql://{broker}/db"})
    with pytest.raises(WrongUrl, match="this does not speak AMQP"):
        given("rabbitmq", {"RABBITMQ_URL": f"amqp://{database}/"})
    with pytest.raises(WrongUrl, match="no kafka answers there"):
        given("kafka", {"KAFKA_URL": f"kafka://{broker}"})


def test_passwords_are_not_shown():
    assert hidden("amqp://me:p@ss@host:1/") == "amqp://me:…@host:1/"
    assert hidden("kafka://host:1") == "kafka://host:1"
