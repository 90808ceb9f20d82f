"""The one place where what C says goes to Python: a status as an exception, a warning into a list."""

# Nothing here for Python: check() is for the other modules of the core.
