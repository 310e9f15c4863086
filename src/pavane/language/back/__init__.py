"""From a definition back to Python."""
