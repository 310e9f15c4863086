"""What an event costs on Kafka and RabbitMQ, beside the bare clients and FastStream."""
