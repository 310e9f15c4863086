"""Kafka: the broker's jars by Maven, one node with a small heap; or else a stand-in."""

import base64
import os
import re
import shutil
import sys
from pathlib import Path

from dev.services.installing import debian_packages, jars
from dev.services.processes import run, start, wait
from dev.services.server import Server, Unavailable, free_port

ARTIFACTS = ("org.apache.kafka:kafka_2.13:4.4.0", "org.slf4j:slf4j-simple:1.7.36")
OLDEST_JAVA = 17
_HEAP = "-Xmx256m"
_FORMAT_S = 60.0
_MOCK_S = 20.0
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller}
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=2000
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=8388608
"""


class KafkaServer(Server):
    """One Kafka node that is broker and controller, in Java with a heap of 256 MB."""

    kind = "kafka"
    how = "jars"

    def __init__(self, folder: Path, cache: Path) -> None:
        super().__init__(folder)
        self._cache = cache
        self._jars = Path()

    @property
    def url(self) -> str:
        return f"kafka://{self.host}:{self.port}"

    def _prepare(self) -> None:
        java_and_maven()
        self._jars = jars("kafka-lib", ARTIFACTS, self._cache)
        self.port = free_port()
        properties = self.folder / "server.properties"
        data = self.folder / "data"
        properties.write_text(
            _PROPERTIES.format(host=self.host, port=self.port, controller=free_port(), data=data),
            "utf-8",
        )
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        command = self._java("-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format")
        options = ["--standalone", "--cluster-id", cluster, "--config", properties]
        run([*command, *options], timeout_s=_FORMAT_S, folder=self.folder)

    def _java(self, *words: str) -> list[str]:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return ["java", _HEAP, "-XX:+UseSerialGC", quiet, "-cp", f"{self._jars}/*", *words]

    def _launch(self) -> None:
        command = self._java("kafka.Kafka", "server.properties")
        self._keep(start(command, folder=self.folder, log=self.folder / "log"))


class MockKafka(Server):
    """The mock cluster inside confluent-kafka, in a process of its own.

    It speaks the protocol over TCP and forgets all when it ends: no retention, no compaction, no
    administration, and aborted transactions are delivered.
    """

    kind = "kafka"
    how = "mock"
    can_restart = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)

    @property
    def url(self) -> str:
        return f"kafka://{self.host}:{self.port}"

    def _prepare(self) -> None:
        try:
            run([sys.executable, "-c", "import confluent_kafka"], timeout_s=_MOCK_S)
        except OSError:
            raise Unavailable("confluent-kafka is not installed") from None

    def _launch(self) -> None:
        told = self.folder / "port"
        command = [sys.executable, "-m", "dev.services.mock_kafka", told]
        root = Path(__file__).parents[2]
        one = self._keep(start(command, folder=root, log=self.folder / "log"))
        wait(lambda: told.exists() or not one.alive, _MOCK_S)
        if not told.exists():
            raise Unavailable("the mock cluster of confluent-kafka does not come up")
        self.port = int(told.read_text())
        self._record()

    def restart(self) -> None:
        raise Unavailable("the mock cluster of confluent-kafka cannot be started again")


def java_and_maven() -> None:
    """See to a Java that is new enough, and Maven; install them where that may be done."""
    missing = [
        package
        for program, package in (("java", "default-jre-headless"), ("mvn", "maven"))
        if not shutil.which(program)
    ]
    if missing:
        debian_packages(*missing)
    told = run(["java", "-version"], timeout_s=20, environment=dict(os.environ))
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise Unavailable(f"Kafka needs Java {OLDEST_JAVA}; this one says {told.splitlines()[0]}")
