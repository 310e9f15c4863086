"""Dances: the same case with and without a conductor, and what must hold of both."""
