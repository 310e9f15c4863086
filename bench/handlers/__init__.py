"""What an event costs that a hand-written handler takes and answers, beside its writes alone."""
