"""Records as a file: what it has in its columns, and how it is written."""
