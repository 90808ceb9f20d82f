"""The native core: one extension module per class, over the C contract of ``csrc/include/tlsmgm.h``."""
