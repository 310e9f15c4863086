"""What the URL of a RabbitMQ bus says, and what is refused in it."""

import pytest

from pavane.adapters.rabbitmq.options import read_options
from pavane.errors import UsageError


def test_everything_can_be_said():
    url = "amqps://me:se%40cret@rabbit:5671/shop?prefix=p-&prefetch=7&keep=2h&kept=shop.,mail.&timeout=3s&cafile=ca"
    options = read_options(url)
    assert options.address == "amqps://me:se%40cret@rabbit:5671/shop?cafile=ca&heartbeat=10"
    assert options.shown == "amqps://rabbit:5671/shop"
    assert (options.prefix, options.prefetch) == ("p-", 7)
    assert (options.keep_s, options.timeout_s) == (7200.0, 3.0)
    assert options.kept == ("shop.", "mail.")


def test_little_need_be_said():
    options = read_options("amqp://rabbit")
    assert (options.address, options.shown) == ("amqp://rabbit/?heartbeat=10", "amqp://rabbit")
    assert (options.prefix, options.prefetch) == ("", 500)
    assert (options.keep_s, options.timeout_s) == (14 * 86_400.0, 10.0)
    assert options.kept == ()
    assert "heartbeat=3" in read_options("amqp://rabbit?heartbeat=3").address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kafka://rabbit", "is no address of RabbitMQ"),
        ("amqp://", "is no address of RabbitMQ"),
        ("amqp:///shop", "is no address of RabbitMQ"),
        ("amqp://rabbit?prefetch=0", "from 1 to 2000"),
        ("amqp://rabbit?prefetch=many", "from 1 to 2000"),
        ("amqp://rabbit?keep=long", "keep=long is no time"),
        ("amqp://rabbit?timeout=-1s", "timeout=-1s is no time"),
    ],
)
def test_what_cannot_be_is_refused(url: str, said: str):
    with pytest.raises(UsageError, match=said):
        read_options(url)
