"""Three hosts, each with a node and services, on PostgreSQL and a broker; and what befalls them."""
