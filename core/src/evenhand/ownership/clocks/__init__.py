"""When a record goes back to a pool: what happened to it, the rules' clocks, and the working days."""
