from typing import NamedTuple

class PemItem(NamedTuple):
    label: str
    der: bytes | None
    line: int
    number: int
    place: str
    is_certificate: bool
    is_private_key: bool

def split(
    data: str | bytes | bytearray | memoryview,
    name: object = None,
    *,
    certificates: bool = False,
) -> tuple[PemItem, ...]: ...
