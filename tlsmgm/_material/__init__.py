"""Files, keys, trust, tickets and secrets of domains."""
