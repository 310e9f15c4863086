"""The lock that is before every door over HTTP: who asks, and what they may."""
