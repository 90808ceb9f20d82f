"""From all sources of domains to one immutable state, its changes, and what it answers."""
