"""One table of the parameters of a domain: what readers and writers of all languages know of them.

A row stands for a field of :class:`~tlsmgm.Domain`.  From it follow the names in scripts, TOML and
tables, and what kind of value is written there.  What a value may be, ``normalise()`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "COLUMNS",
    "COLUMN_PARAMETERS",
    "FIELD_PARAMETERS",
    "OUR_COLUMNS",
    "PARAMETERS",
    "Kind",
    "Parameter",
    "of_kind",
]

#: ``pem`` is the path of a PEM file, or the PEM itself; ``file`` and ``folder`` are paths.
Kind = Literal["list", "text", "flag", "number", "secret", "pem", "file", "folder"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a domain.

    Args:
        field: of Domain.
        kind: of its value.
        scripts: other names in scripts than the field's, the one that is written first.
        ours: OpenSIPS has nothing of the kind.
        column: its place in the table that OpenSIPS creates, from 0; None: it has no column there.
        optional: of ours: it is read from a table that has a column of its name.
        size: characters that its column takes.
    """

    field: str
    kind: Kind
    scripts: tuple[str, ...] = ()
    ours: bool = False
    column: int | None = None
    optional: bool = False
    size: int = 255

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
    Parameter("match_ip_address", "list", column=2),
    Parameter("match_sip_domain", "list", column=3),
    Parameter("method", "text", ("tls_method",), column=5, size=16),
    Parameter("verify_cert", "flag", column=6),
    Parameter("require_cert", "flag", column=7),
    Parameter("certificate", "pem", column=8),
    Parameter("private_key", "pem", column=9),
    Parameter("ca_list", "pem", column=12),
    Parameter("ca_dir", "folder", column=13),
    Parameter("crl_dir", "folder", column=11),
    Parameter("crl_check_all", "flag", column=10),
    Parameter("cipher_list", "text", ("ciphers_list", "cipher_list"), column=14),
    Parameter("dh_params", "pem", column=15),
    Parameter("ec_curve", "text", column=16),
    Parameter("private_key_passphrase", "secret", ours=True),
    Parameter("verify_depth", "number", ours=True),
    Parameter("alpn", "list", ours=True),
    Parameter("danger_skip_hostname_check", "flag", ours=True),
    Parameter("private_key_passphrase_command", "text", ours=True),
    Parameter("certificate2", "pem", ours=True),
    Parameter("private_key2", "pem", ours=True),
    Parameter("identity", "text", ours=True),
    Parameter("peer_identity", "list", ours=True),
    Parameter("ocsp_response", "file", ours=True),
    Parameter("require_staple", "flag", ours=True),
    Parameter("ticket_key_file", "file", ours=True),
    Parameter("ticket_rotation", "number", ours=True),
    Parameter("keylog_file", "file", ours=True),
    Parameter("client_eku", "text", ours=True, optional=True, size=32),
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


def of_kind(*kinds: Kind, in_table: bool = False) -> frozenset[str]:
    """Name the fields whose values are of some kinds.

    Args:
        kinds: that count.
        in_table: only those that OpenSIPS' table has a column for.
    """
    return frozenset(
        item.field
        for item in PARAMETERS
        if item.kind in kinds and (item.column is not None or not in_table)
    )
