"""What a role does with a message, a result or a timer: the tables of the protocol, as code."""
