"""What every server needs: limits, counters, who is in, and how connections are taken."""
