"""Conflict cases: several who claim the same customer or work, and what was ruled."""
