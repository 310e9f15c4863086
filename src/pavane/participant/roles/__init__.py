"""Roles that a service plays in choreographies: messages in, rows, attempts, messages out."""
