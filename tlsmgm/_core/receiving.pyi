"""Bytes of a socket that does not block."""
