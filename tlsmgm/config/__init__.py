"""Reading configurations for programs of one's own: :mod:`tlsmgm.config.opensips`.

A program that only serves what a file says needs nothing of this: see
:func:`tlsmgm.read_configuration` and :meth:`tlsmgm.TLSManager.load`.
"""
