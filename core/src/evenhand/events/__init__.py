"""What happened: typed events, the outbox they are written to, and their delivery to subscribers."""
