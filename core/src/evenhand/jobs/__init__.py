"""Long work: what it is, how far it got, and how it ended."""
