"""Visibility: which records a user may see, and which of them change."""
