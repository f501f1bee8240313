"""Ownership: each module measures one part of it and offers `run(options)`."""
