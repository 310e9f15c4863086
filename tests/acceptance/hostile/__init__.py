"""Clients that mean no good, or know no better, against servers that answer real sockets."""
