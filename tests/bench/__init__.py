"""Budgets: what the product may cost, in counters that no machine changes."""
