"""From a domain to a context of Python's own ``ssl``."""
