"""The regression guard: instruction counts against a stored baseline."""
