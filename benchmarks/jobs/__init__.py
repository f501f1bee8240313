"""Jobs: how many a second, and what becomes of them when workers are killed."""
