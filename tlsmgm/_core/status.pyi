"""The one place where a status of the C contract becomes a Python exception."""

# Nothing here for Python: check() is for the other modules of the core.
