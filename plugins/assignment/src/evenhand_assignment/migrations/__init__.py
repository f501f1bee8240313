"""The migrations of the assignment plugin."""
