"""The regression guard: instruction counts in memory against a stored baseline."""
