"""What a choreography costs when each service is a process and the bus is their logs."""
