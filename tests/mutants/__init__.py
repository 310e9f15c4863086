"""Each known way to be wrong, as a subclass; the standard run shows that each is caught."""
