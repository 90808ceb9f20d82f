"""Reuse of outgoing connections."""
