"""Topics have names that Kafka allows, no two the same, and can be read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavane.adapters.kafka.names import kafka_topic, topic_of
from pavane.errors import InputError


@pytest.mark.parametrize("topic", ["shop.order.v1", "shop.order-line_2.v1", "_pavane.journal"])
def test_ordinary_names_stay_as_they_are(topic: str):
    assert kafka_topic(topic) == topic


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("_pavane.role.order book", "_pavane.role.order..20book"),
        (".", "..2e"),
        ("a..b", "a..2e..2eb"),
        ("a.", "a..2e"),
        ("é/b", "..c3..a9..2fb"),
    ],
)
def test_others_are_written_so_that_kafka_takes_them(topic: str, name: str):
    assert kafka_topic(topic) == name
    assert topic_of(name) == topic


@given(st.text(st.sampled_from("ab2e._-/é \U0001f600"), min_size=1, max_size=12), st.text("x-"))
def test_any_name_can_be_read_back(topic: str, prefix: str):
    name = kafka_topic(topic, prefix)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
    assert name not in {".", ".."}
    assert topic_of(name, prefix) == topic


def test_a_name_that_does_not_fit_is_refused():
    assert len(kafka_topic("a" * 249)) == 249
    for topic in ("", "a" * 250, "é" * 80):
        with pytest.raises(InputError, match="cannot be called"):
            kafka_topic(topic)
