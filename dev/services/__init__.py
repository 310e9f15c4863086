"""Real servers on this machine, for tests and for trying things out.

`python -m dev.services up` starts PostgreSQL, Kafka and RabbitMQ on free loopback ports and prints
where they are; `down` stops by process id what it started. A server comes from the first of these
that can be had: a URL given in the environment, Docker Compose, the system's own programs (which
root on Debian installs), and then a wheel (PostgreSQL), Maven's jars or the stand-in that
confluent-kafka carries (Kafka).
"""
