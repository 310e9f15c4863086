"""`${…}` templates and the `pavane` evaluator: data in, data out, every input bounded."""
