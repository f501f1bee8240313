"""One simulated week of a made-up company: who loses, claims, hands over and quarrels about which customers."""
