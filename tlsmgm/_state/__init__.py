"""From all sources of domains to one immutable state, and the questions that it answers."""
