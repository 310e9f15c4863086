"""Old databases with new code, and new databases with old code."""
