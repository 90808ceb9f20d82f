import os
from typing import Any, Self

from _typeshed import ReadableBuffer

from tlsmgm._core.backend import Backend
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.material import Folder, Material
from tlsmgm._core.ticket_keys import TicketKeys

_Path = str | os.PathLike[str]
_Source = _Path | bytes | bytearray | Material
_Directory = _Path | Folder

class Context:
    def __new__(
        cls,
        backend: Backend,
        *,
        is_server: bool,
        domain: object = None,
        name: str | None = None,
        origin: object = None,
        lowest_version: int = 0,
        highest_version: int = 0,
        cipher_list: str | None = None,
        groups: str | None = None,
        certificate: _Source | None = None,
        private_key: _Source | None = None,
        certificate2: _Source | None = None,
        private_key2: _Source | None = None,
        passphrase: ReadableBuffer | None = None,
        dh_params: _Source | None = None,
        ca_list: _Source | None = None,
        ca_dir: _Directory | None = None,
        crl_dir: _Directory | None = None,
        crl_check_all: bool = False,
        ocsp_response: _Source | None = None,
        require_staple: bool = False,
        verify_peer: bool = False,
        require_peer: bool = False,
        verify_depth: int = 3,
        accept_server_eku: bool = False,
        sip_identity: bool = False,
        peer_names: str | None = None,
        alpn: bytes | None = None,
        ticket_keys: TicketKeys | None = None,
        keylog_file: str | None = None,
        scope: bytes | None = None,
    ) -> Self: ...
    @property
    def backend(self) -> Backend: ...
    @property
    def domain(self) -> Any: ...  # whatever it was made with
    @property
    def warnings(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def is_server(self) -> bool: ...
    @property
    def certificate(self) -> Certificate | None: ...
