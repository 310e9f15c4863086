"""A user's application: its file or module, what it offers, and what can be found wrong with it."""
