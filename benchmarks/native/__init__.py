"""Programs in C: handshakes and data in memory, and a load generator."""
