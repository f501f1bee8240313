"""What changed, told at once: notices from the journal to everybody who listens, in every process."""
