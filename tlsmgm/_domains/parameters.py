"""One table of the parameters of a domain: what readers and writers of all languages know of them.

A row stands for a field of :class:`~tlsmgm.Domain`.  From it follow the names in scripts, TOML and
tables, what kind of value is written there, and what it may be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from tlsmgm._domains import values
from tlsmgm._domains.defaults import DEFAULT_METHOD, DomainKind

__all__ = [
    "COLUMNS",
    "COLUMN_PARAMETERS",
    "FIELD_PARAMETERS",
    "OUR_COLUMNS",
    "PARAMETERS",
    "PATHS",
    "PEM",
    "Kind",
    "Parameter",
    "of_kind",
    "of_side",
]

#: ``filters`` are lists of what a domain is for, of which several make one together.
#: ``certificates``, ``key`` and ``pem``, which is anything else in PEM, are paths of a PEM file, or
#: the PEM itself; ``der`` is DER in the same way.  ``file``, ``log``, ``folder`` and ``hashed`` are
#: paths: a log is written and never read, and in a hashed folder names by hash alone count.
Kind = Literal[
    "filters",
    "list",
    "text",
    "flag",
    "number",
    "secret",
    "certificates",
    "key",
    "pem",
    "der",
    "file",
    "log",
    "folder",
    "hashed",
]

#: Kinds of values that are PEM, or the path of a file that has it.
PEM: Final[tuple[Kind, ...]] = ("certificates", "key", "pem")

#: Kinds of values that may be paths.
PATHS: Final[tuple[Kind, ...]] = (*PEM, "der", "file", "log", "folder", "hashed")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a domain; what it does is said in :class:`~tlsmgm.Domain`.

    Args:
        field: of Domain.
        kind: of its value.
        check: brings a value into its stored form, or says why it cannot be used.
        scripts: other names in scripts than the field's, the one that is written first.
        old: settings of OpenSIPS 1, before TLS was a module, whose place it has taken.
        friendly: what :meth:`~tlsmgm.Domain.server` calls it; None: the same.
        listed: its place in what ``tls_list`` says of a domain, and its name there; None: it is
            not in there.
        side: the kind of domains that it does something for; None: both.
        secret: which secret the value is, or the file has; None: none.
        ours: OpenSIPS has nothing of the kind.
        about_peers: it says which peers are accepted, or how well protected their connections are.
            Sessions of before do not outlive a change of it, nor of what its files hold.
        column: its place in the table that OpenSIPS creates, from 0; None: it has no column there.
        optional: of ours: it is read from a table that has a column of its name.
        size: characters that its column takes.
        default: of its column, in SQL; OpenSIPS' tables have some.
    """

    field: str
    kind: Kind
    check: Callable[[object], Any]
    scripts: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    friendly: str | None = None
    listed: tuple[int, str] | None = None
    side: DomainKind | None = None
    secret: str | None = None
    ours: bool = False
    about_peers: bool = False
    column: int | None = None
    optional: bool = False
    size: int = 255
    default: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called in scripts; the first one is written."""
        return self.scripts or (self.field,)

    @property
    def has_column(self) -> bool:
        """Whether a table of domains may have a column for it."""
        return self.column is not None or self.optional


#: All of them: the manual's (1.9), then ours.
PARAMETERS: Final = (
    Parameter(
        "match_ip_address",
        "filters",
        values.as_addresses,
        friendly="addresses",
        listed=(0, "IP ADDRESS FILTERS"),
        column=2,
    ),
    Parameter(
        "match_sip_domain",
        "filters",
        values.as_names,
        friendly="names",
        listed=(1, "SIP DOMAIN FILTERS"),
        column=3,
    ),
    Parameter(
        "method",
        "text",
        values.as_method,
        ("tls_method",),
        old=("tls_method",),
        friendly="versions",
        listed=(2, "METHOD"),
        about_peers=True,
        column=5,
        size=16,
        default=DEFAULT_METHOD,
    ),
    Parameter(
        "verify_cert",
        "flag",
        values.as_flag,
        old=("tls_verify_client", "tls_verify_server"),
        listed=(3, "VERIFY_CERT"),
        about_peers=True,
        column=6,
        default="1",
    ),
    Parameter(
        "require_cert",
        "flag",
        values.as_optional_flag,
        old=("tls_require_client_certificate",),
        listed=(4, "REQ_CLI_CERT"),
        about_peers=True,
        column=7,
        default="1",
    ),
    Parameter(
        "certificate",
        "certificates",
        values.as_source,
        old=("tls_certificate",),
        listed=(6, "CERT_FILE"),
        column=8,
    ),
    Parameter(
        "private_key",
        "key",
        values.as_source,
        old=("tls_private_key",),
        friendly="key",
        listed=(10, "PKEY_FILE"),
        secret="private key",
        column=9,
    ),
    Parameter(
        "ca_list",
        "certificates",
        values.as_source,
        old=("tls_ca_list",),
        listed=(8, "CA_FILE"),
        about_peers=True,
        column=12,
    ),
    Parameter(
        "ca_dir",
        "hashed",
        values.as_path,
        old=("tls_ca_dir",),
        listed=(9, "CA_DIR"),
        about_peers=True,
        column=13,
    ),
    Parameter(
        "crl_dir", "folder", values.as_path, listed=(7, "CRL_DIR"), about_peers=True, column=11
    ),
    Parameter(
        "crl_check_all",
        "flag",
        values.as_flag,
        listed=(5, "CRL_CHECKALL"),
        about_peers=True,
        column=10,
        default="0",
    ),
    Parameter(
        "cipher_list",
        "text",
        values.as_cipher_list,
        ("ciphers_list", "cipher_list"),
        old=("tls_ciphers_list",),
        listed=(11, "CIPHER_LIST"),
        about_peers=True,
        column=14,
    ),
    Parameter(
        "dh_params",
        "pem",
        values.as_source,
        old=("tls_dh_params",),
        listed=(12, "DH_PARAMS_FILE"),
        column=15,
    ),
    Parameter(
        "ec_curve",
        "text",
        values.as_curve,
        old=("tls_ec_curve",),
        listed=(13, "EC_CURVE"),
        column=16,
    ),
    Parameter(
        "private_key_passphrase", "secret", values.as_passphrase, secret="passphrase", ours=True
    ),
    Parameter("verify_depth", "number", values.as_depth, ours=True, about_peers=True),
    Parameter("alpn", "list", values.as_protocols, ours=True),
    Parameter(
        "danger_skip_hostname_check",
        "flag",
        values.as_flag,
        side="client",
        ours=True,
        about_peers=True,
    ),
    Parameter("private_key_passphrase_command", "text", values.as_command, ours=True),
    Parameter("certificate2", "certificates", values.as_source, ours=True),
    Parameter("private_key2", "key", values.as_source, secret="private key", ours=True),
    Parameter("identity", "text", values.as_identity, ours=True, about_peers=True),
    Parameter("peer_identity", "list", values.as_identities, ours=True, about_peers=True),
    Parameter("ocsp_response", "der", values.as_der, side="server", ours=True),
    Parameter("require_staple", "flag", values.as_flag, side="client", ours=True, about_peers=True),
    Parameter(
        "ticket_key_file",
        "file",
        values.as_path,
        side="server",
        secret="secret of session tickets",
        ours=True,
    ),
    Parameter("ticket_rotation", "number", values.as_rotation, side="server", ours=True),
    Parameter("keylog_file", "log", values.as_path, ours=True),
    Parameter(
        "client_eku",
        "text",
        values.as_client_eku,
        side="server",
        ours=True,
        about_peers=True,
        optional=True,
        size=32,
    ),
    Parameter(
        "min_rsa_bits", "number", values.as_rsa_bits, ours=True, about_peers=True, optional=True
    ),
)

#: Columns of the table that stand for no parameter, with their places.
_OWN_COLUMNS: Final = {"id": 0, "domain": 1, "type": 4}

_PLACES: Final = _OWN_COLUMNS | {
    item.field: item.column for item in PARAMETERS if item.column is not None
}

#: Columns of the table that OpenSIPS creates, in its order, by their usual names.
COLUMNS: Final = tuple(sorted(_PLACES, key=lambda name: _PLACES[name]))

#: Columns that OpenSIPS does not know; they are read where the table has them.
OUR_COLUMNS: Final = tuple(item.field for item in PARAMETERS if item.optional)

#: Names in scripts, with the field of Domain that they set.
FIELD_PARAMETERS: Final = {name: item.field for item in PARAMETERS for name in item.names}

#: Parameters of scripts that name a column, with the column's usual name; of two for one column
#: the first is written.
COLUMN_PARAMETERS: Final = {f"{name}_col": name for name in _OWN_COLUMNS} | {
    f"{name}_col": item.field for item in PARAMETERS if item.has_column for name in item.names
}


def of_kind(*kinds: Kind) -> tuple[str, ...]:
    """Name the fields whose values are of some kinds.

    Args:
        kinds: that count.

    Returns:
        Their names, in the order of the table.
    """
    return tuple(item.field for item in PARAMETERS if item.kind in kinds)


def of_side(side: DomainKind) -> tuple[str, ...]:
    """Name the fields that do something for domains of one kind only.

    Args:
        side: that kind.

    Returns:
        Their names, in the order of the table.
    """
    return tuple(item.field for item in PARAMETERS if item.side == side)
