"""What a domain has where nobody says anything (manual 1.5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = [
    "DEFAULT_CA_DIR",
    "DEFAULT_METHOD",
    "DEFAULT_TICKET_ROTATION",
    "DEFAULT_VERIFY_DEPTH",
    "DomainDefaults",
    "DomainKind",
]

DomainKind = Literal["server", "client"]

#: All TLS versions that the library and its security level allow.
DEFAULT_METHOD: Final = "SSLv23"

#: Trusted CAs of a domain that verifies and names none; used only if there are some (manual 1.9.7).
DEFAULT_CA_DIR: Final = "/etc/pki/CA/"

#: Intermediates allowed between the peer's certificate and the trust anchor.
DEFAULT_VERIFY_DEPTH: Final = 3

#: Seconds between two keys of session tickets.
DEFAULT_TICKET_ROTATION: Final = 8 * 3600


@dataclass(frozen=True, slots=True)
class DomainDefaults:
    """Defaults of domains that are read from a configuration (manual 1.5).

    Args:
        config_dir: directory of the configuration, called CFG_DIR in the manual.
    """

    config_dir: str

    @property
    def certificate(self) -> str:
        """Path of a server domain's certificate that is not set."""
        return os.path.join(self.config_dir, "tls", "cert.pem")

    @property
    def private_key(self) -> str:
        """Path of a server domain's private key that is not set."""
        return os.path.join(self.config_dir, "tls", "ckey.pem")

    def values(self, kind: DomainKind) -> dict[str, Any]:
        """Return the fields to give to :class:`Domain` where the configuration says nothing.

        Args:
            kind: ``"server"`` or ``"client"``; a client without certificate simply sends none.

        Returns:
            Field names and values; every other default is that of :class:`Domain` itself.
        """
        if kind == "client":
            return {}
        return {"certificate": self.certificate, "private_key": self.private_key}
