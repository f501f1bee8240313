"""Subscriptions: what changed, as the subscriber may see it, over any transport."""
