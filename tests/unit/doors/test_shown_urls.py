"""URLs as people and logs see them: nothing secret is in them."""

import pytest

from pavane.doors.cli.options import shown_bus


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://me:s%2Fecret@rabbit:5672/shop?cafile=x", "amqp://me@rabbit:5672/shop"),
        ("amqp://rabbit", "amqp://rabbit"),
        ("kafka://a:1,b:2?sasl.password=secret", "kafka://a:1,b:2"),
        ("embedded:.pavane", "embedded:.pavane"),
        ("memory:", "memory:"),
    ],
)
def test_a_bus_without_its_secrets(url: str, shown: str):
    assert shown_bus(url) == shown
