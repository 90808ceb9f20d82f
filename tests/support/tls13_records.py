"""Records of TLS 1.3 under the keys of a connection, from its key log (RFC 8446 sections 5 and 7).

So a test can say in a peer's name what none of our libraries says by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.support.hello import vector
from tests.support.hostile import APPLICATION_DATA, split_records
from tests.support.pairs import managers

SECRETS = {"client": "CLIENT_TRAFFIC_SECRET_0", "server": "SERVER_TRAFFIC_SECRET_0"}
CLOSE_NOTIFY, USER_CANCELED = b"\x01\x00", b"\x01\x5a"


def secret_of(keylog: Path, label: str) -> bytes:
    """Return the secret of a label in a key log of one connection."""
    [found] = [line.split()[2] for line in keylog.read_text().splitlines() if label in line]
    return bytes.fromhex(found)


class RecordKeys:
    """One direction of a connection with TLS_AES_256_GCM_SHA384.

    Args:
        secret: its traffic secret.
    """

    def __init__(self, secret: bytes) -> None:
        assert len(secret) == 48, "the suite is another one"
        self._aead = AESGCM(_expand(secret, b"key", 32))
        self._iv = _expand(secret, b"iv", 12)
        self.sequence = 0

    def _nonce(self) -> bytes:
        counter = self.sequence.to_bytes(12, "big")
        return bytes(a ^ b for a, b in zip(self._iv, counter, strict=True))

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Return the next record."""
        head = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2, "big")
        record = head + self._aead.encrypt(self._nonce(), content + bytes([content_type]), head)
        self.sequence += 1
        return record

    def update(self, secret: bytes) -> bytes:
        """Go on as after a KeyUpdate (RFC 8446 section 7.2).

        Args:
            secret: the traffic secret of the present keys.

        Returns:
            The next one.
        """
        following = _expand(secret, b"traffic upd", len(secret))
        RecordKeys.__init__(self, following)
        return following

    def open(self, record: bytes) -> bytes | None:
        """Return content and type of the next record; None if these are not its keys."""
        try:
            content = self._aead.decrypt(self._nonce(), record[5:], record[:5])
        except InvalidTag:
            return None
        self.sequence += 1
        return content


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    info = size.to_bytes(2, "big") + vector(1, b"tls13 " + label) + vector(1, b"")
    return HKDFExpand(hashes.SHA384(), size, info).derive(secret)


class Impersonator:
    """A pair after its handshake, in one of whose names the test goes on.

    Attributes:
        end: the connection whose place the test takes.
        other: the connection that hears it.
        keys: of the records that the other one reads.
    """

    def __init__(self, side: str, libraries: tuple[str, str], directory: Path) -> None:
        """Connect, take the keys.

        Args:
            side: ``client`` or ``server``.
            libraries: the server's and the client's.
            directory: where the key log may be.
        """
        keylog, seen = directory / "keys", bytearray()
        suite = {"cipher_list": "TLS_AES_256_GCM_SHA384"}

        def remember(data: bytes) -> bytes:
            seen.extend(data)
            return data

        hook: dict[str, Any] = {"to_server" if side == "client" else "to_client": remember}
        self.managers = managers(
            *libraries, "TLSv1.3", server={"keylog_file": keylog, **suite}, client=suite
        )
        pair = self.managers.connect(**hook)
        ends = (pair.client, pair.server)
        self.end, self.other = ends if side == "client" else reversed(ends)
        self.keys = RecordKeys(secret_of(keylog, SECRETS[side]))
        for kind, record in split_records(bytes(seen)):
            if kind == APPLICATION_DATA:
                self.keys.open(record)

    def send(self, content_type: int, content: bytes) -> None:
        """Send a record to the other side."""
        self.other.feed(self.keys.seal(content_type, content))
