"""The native core: one extension module per class, over the contract in ``csrc/include``."""
