# Nothing here for Python: check() is for the other modules of the core.
