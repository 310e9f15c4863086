"""Executions as doors ask for them, whoever carries them out: an engine, dancers, or both."""
