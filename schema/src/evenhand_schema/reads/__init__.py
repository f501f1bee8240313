"""Reads: what a query asks for, as few statements as there are relations in it."""
