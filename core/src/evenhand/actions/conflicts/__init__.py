"""Conflict cases: open, state, rule, appeal, withdraw; and the freeze meanwhile."""
