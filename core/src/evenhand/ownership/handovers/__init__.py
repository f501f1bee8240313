"""Hand-over: a leaver's or mover's book as one plan."""
