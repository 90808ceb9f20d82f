"""The native core: one extension module per class, over the C contract of ``csrc/tlsmgm.h``."""
