"""Hand-written handlers of a service: each event once, in order, with retries and dead letters."""
