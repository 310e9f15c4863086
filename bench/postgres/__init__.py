"""What Pavane does on a PostgreSQL server, beside a floor, a peer, and itself on two nodes."""
