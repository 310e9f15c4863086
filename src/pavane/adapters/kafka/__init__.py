"""Kafka as a bus: one consumer for each group of a process, one producer, offsets in Kafka."""
