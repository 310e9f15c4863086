"""Services that take their tasks from a bus."""
