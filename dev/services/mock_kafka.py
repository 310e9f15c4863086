"""Runs confluent-kafka's mock cluster until it is told to end: `mock_kafka FILE`, for its port."""

import signal
import sys
from pathlib import Path


def main(told: Path) -> None:
    """Start the cluster and write its port to `told`, whole or not at all."""
    import confluent_kafka

    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1})
    (broker,) = cluster.list_topics(timeout=10).brokers.values()
    fresh = told.with_suffix(".new")
    fresh.write_text(str(broker.port))
    fresh.replace(told)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
