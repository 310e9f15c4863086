"""RabbitMQ as a bus: an exchange for each topic, a quorum queue for each group and topic."""
