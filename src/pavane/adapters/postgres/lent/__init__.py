"""Transactions that functions of a service are lent, by the driver that each of them asks for."""
