"""What Pavane costs: exact counters first, then ratios to a floor and a peer, in alternation."""
