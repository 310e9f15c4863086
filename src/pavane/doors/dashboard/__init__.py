"""Pages for people: what the public API gives, as HTML that works with no script and no network."""
