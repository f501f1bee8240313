"""Notifications: what a user should know of, told once and in the user's language."""
