"""Claim records from pools, give them back, and the limits that every change of a holder obeys."""
