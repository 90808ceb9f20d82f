"""What the sources of a domain are made of, taken apart by the very readers of the backends."""

from typing import NamedTuple

from tlsmgm._core.material import Folder, Material

class Item(NamedTuple):
    """A certificate or a CRL.

    Attributes:
        der: its bytes in DER.
        place: where it stands, for messages: ``ca.pem, certificate 3 (line 41)``.
        rejected_for: CAs: the kinds of peers for whom it may not vouch, as its file says.
        is_delta: CRLs: it speaks only of changes.
    """

    der: bytes
    place: str
    rejected_for: frozenset[str] = ...
    is_delta: bool = ...

class TrustItems(NamedTuple):
    """Whom a domain trusts.

    Attributes:
        cas: trusted certificates, those of ``ca_list`` first.
        listed: how many of them are of ``ca_list``.
        crls: lists of revoked certificates.
        warnings: pairs of a parameter and a sentence, of what was passed over.
    """

    cas: tuple[Item, ...]
    listed: int
    crls: tuple[Item, ...]
    warnings: tuple[tuple[str, str], ...]

def read_chain(source: Material | bytes, parameter: str | None = None) -> tuple[Item, ...]:
    """The certificates that a domain shows.

    Args:
        source: a ``Material``, or PEM as ``bytes``.
        parameter: for the error, or None.

    Returns:
        A tuple of ``Item``, leaf first; trust settings of OpenSSL are cut off.

    Raises:
        ConfigError: there is none, or something cannot be decoded; file, item and line are named.
    """

def read_dh(source: Material | bytes) -> bytes:
    """The Diffie-Hellman parameters of a domain, alone, in PEM.

    Args:
        source: a ``Material``, or PEM as ``bytes``.

    Raises:
        ConfigError: there are none, or they cannot be decoded or are too small.
    """

def read_trust(
    ca_list: Material | bytes | None = None,
    ca_dir: Folder | None = None,
    crl_dir: Folder | None = None,
) -> TrustItems:
    """The certificates that a domain trusts, and its CRLs.

    Args:
        ca_list: a ``Material``, PEM as ``bytes``, or None.
        ca_dir: a ``Folder``, or None.
        crl_dir: a ``Folder``, or None.

    Returns:
        A ``TrustItems``.

    Raises:
        ConfigError: something in ``ca_list``, or in a CRL of ``crl_dir``, cannot be decoded; file,
            item and line are named. Or there is nothing where there must be something.
    """
