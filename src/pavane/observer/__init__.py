"""The observer: executions rebuilt from journals, for people. It decides nothing."""
