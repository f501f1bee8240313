"""Take back what nobody works on: warnings, reclaim, protection and more time."""
