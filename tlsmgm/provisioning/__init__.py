"""Names of former releases; :mod:`tlsmgm.databases` has them now."""
