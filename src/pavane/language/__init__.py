"""The workflow language: Python functions that are read, not run, and become definitions."""
