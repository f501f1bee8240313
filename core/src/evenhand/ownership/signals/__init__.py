"""Patterns in what people do with records that somebody should look at."""
