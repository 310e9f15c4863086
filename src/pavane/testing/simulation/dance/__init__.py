"""Choreographed runs in virtual time: services that crash, a network that misbehaves, any seed."""
