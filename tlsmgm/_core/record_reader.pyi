"""Receives from a socket up to the end of a record, or all that there is."""
