"""What the URL of a Kafka bus may say, and how the refusal of the rest reads."""

from pathlib import Path

import pytest

from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.kafka.client import consumer_settings, producer_settings
from pavane.adapters.kafka.options import read_options
from pavane.errors import UsageError


def test_what_is_not_said_has_a_default():
    options = read_options("kafka://one:9092,two:9093/")
    assert options.servers == "one:9092,two:9093"
    assert (options.partitions, options.replication, options.create) == (6, -1, True)
    assert (options.protocol, options.session_s, options.timeout_s) == ("classic", 10.0, 10.0)


def test_all_can_be_said(tmp_path: Path):
    file = tmp_path / "client.properties"
    file.write_text("# who we are\nsasl.username=shop\nsasl.password=a=b\n")
    options = read_options(
        "kafka://one:9092?prefix=test-&partitions=3&replication=2&create=no&protocol=consumer"
        f"&session=20s&timeout=1m&compression.type=lz4&config={file}"
    )
    assert (options.prefix, options.partitions, options.replication) == ("test-", 3, 2)
    assert (options.create, options.protocol) == (False, "consumer")
    assert (options.session_s, options.timeout_s) == (20.0, 60.0)
    assert options.client == {
        "sasl.username": "shop",
        "sasl.password": "a=b",
        "compression.type": "lz4",
    }
    assert options.shown == "kafka://one:9092"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kafka://", "no address"),
        ("kafka:one:9092", "no address"),
        ("kafka://user:secret@one:9092", "no address"),
        ("kafka://one:9092/topic", "no address"),
        ("kafka://one:9092?partition=3", "no option 'partition'"),
        ("kafka://one:9092?partitions=0", "partitions=0"),
        ("kafka://one:9092?create=maybe", "create=maybe"),
        ("kafka://one:9092?session=1", "session=1"),
        ("kafka://one:9092?timeout=2h", "timeout=2h"),
        ("kafka://one:9092?acks=1", "'acks' is not"),
        ("kafka://one:9092?enable.auto.commit=true", "'enable.auto.commit' is not"),
        ("kafka://one:9092?config=no/such/file", "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(url: str, said: str):
    with pytest.raises(UsageError, match=said) as refusal:
        read_options(url)
    assert refusal.value.remedy
    assert "secret" not in str(refusal.value).replace("user:secret@one:9092", "")


@pytest.mark.anyio
async def test_a_setting_that_the_client_does_not_know_is_refused():
    with pytest.raises(UsageError, match=r"no\.such\.setting"):
        await KafkaBus("kafka://127.0.0.1:9?no.such.setting=1").open()


def test_the_promises_stand_whatever_is_set():
    options = read_options("kafka://one:9092?linger.ms=5&fetch.wait.max.ms=100")
    producer, consumer = producer_settings(options), consumer_settings(options, "g")
    assert (producer["linger.ms"], consumer["fetch.wait.max.ms"]) == ("5", "100")
    assert (producer["acks"], producer["enable.idempotence"]) == ("all", True)
    assert (consumer["enable.auto.commit"], consumer["auto.offset.reset"]) == (False, "earliest")
    assert consumer["heartbeat.interval.ms"] * 15 == pytest.approx(10_000, abs=15)
