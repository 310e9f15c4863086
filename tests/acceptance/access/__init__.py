"""The lock before every door."""
