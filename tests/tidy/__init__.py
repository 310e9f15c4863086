"""Taste that a program can check: sizes, words, imports, and what belongs together."""
