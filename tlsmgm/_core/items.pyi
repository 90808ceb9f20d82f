from typing import NamedTuple

from tlsmgm._core.material import Folder, Material

class Item(NamedTuple):
    der: bytes
    place: str
    rejected_for: frozenset[str] = ...
    is_delta: bool = ...

class TrustItems(NamedTuple):
    cas: tuple[Item, ...]
    listed: int
    crls: tuple[Item, ...]
    warnings: tuple[tuple[str, str], ...]

def read_chain(source: Material | bytes, parameter: str | None = None) -> tuple[Item, ...]: ...
def read_dh(source: Material | bytes) -> bytes: ...
def read_trust(
    ca_list: Material | bytes | None = None,
    ca_dir: Folder | None = None,
    crl_dir: Folder | None = None,
) -> TrustItems: ...
