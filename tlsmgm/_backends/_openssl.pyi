# Pointer to a const struct tlsmgm_backend, in a capsule.
backend: object
source: str
patches: tuple[str, ...]
