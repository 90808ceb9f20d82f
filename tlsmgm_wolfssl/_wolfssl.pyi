"""wolfSSL behind the contract: its table in a capsule, and how the library was built."""

# Pointer to a const struct tlsmgm_backend, in a capsule.
backend: object
source: str
patches: tuple[str, ...]
