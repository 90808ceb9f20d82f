"""Random configurations, for tests that write and read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.support.libraries import LIBRARIES
from tlsmgm._config.database_settings import COLUMNS, OUR_COLUMNS, DatabaseSettings
from tlsmgm._config.model import Configuration, DomainTable, Socket
from tlsmgm._domains.domain import Origin, normalise
from tlsmgm._domains.filters import parse_address, split_list
from tlsmgm.errors import ConfigError

ORIGIN = Origin("source", 1)
PEM = b"-----BEGIN CERTIFICATE-----\r\nAAAA\n-----END CERTIFICATE-----\n"

#: Characters that mean something to a language, and letters of others.
_ODD = "ab .*?[]{}()\"'\\#$=,;:/-_%@&!\u00e4\u4e16\U0001f600"
_ALPHABET = st.one_of(st.sampled_from(_ODD), st.characters(codec="utf-8"))
_TEXT = st.text(_ALPHABET, min_size=1, max_size=12)
_CONTROLS = frozenset(map(chr, (*range(32), 127)))
#: Paths may have line ends, control characters and DEL in them.
_PATH_TEXT = st.text(st.one_of(_ALPHABET, st.sampled_from("\n\r\t\x01\x7f\u2028")), min_size=1)


def _fits(field: str) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        try:
            normalise(field, value)
        except ConfigError:
            return False
        return True

    return fits


def _is_trimmed(text: str) -> bool:
    return text == text.strip() and not text.startswith("[") and "-----BEGIN" not in text


def _is_list(values: list[str]) -> bool:
    """Whether a script can say the list, even as a default."""
    try:
        return split_list(", ".join(values)) == tuple(values) and not values[0].startswith("[")
    except ConfigError:
        return False


def _is_no_old_form(name: str) -> bool:
    try:
        parse_address(name.partition("=")[2])
    except ConfigError:
        return True
    return False


_PATHS = _PATH_TEXT.filter(_fits("ca_dir")).filter(_is_trimmed)
_FILTERS = st.one_of(
    st.sampled_from(["*", "none", "*.b.test", "a.[ab].test", "x\\y", 'q"uote', "#a", "$b", "k'e"]),
    # One filter, whatever it holds: a text with commas would be taken for a list of them.
    _TEXT.map(lambda text: [text]).filter(_fits("match_sip_domain")).map(lambda texts: texts[0]),
)

#: Values of Domain's fields that every language can say.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "match_ip_address": st.lists(
        st.sampled_from(["*", "10.0.0.1:5061", "[::1]:5061", "[2001:db8::7]:1"]),
        min_size=1, max_size=3,
    ),
    "match_sip_domain": st.lists(_FILTERS, min_size=1, max_size=3).filter(_is_list),
    "method": st.sampled_from(["SSLv23", "TLSv1", "TLSv1-", "TLSv1_2-TLSv1_3", "TLSv1_3"]),
    "verify_cert": st.booleans(),
    "require_cert": st.booleans(),
    "certificate": _PATHS,
    "private_key": _PATHS,
    "private_key_passphrase": _PATH_TEXT.filter(_is_trimmed),
    "ca_list": _PATHS,
    "ca_dir": _PATHS,
    "crl_dir": _PATHS,
    "crl_check_all": st.booleans(),
    "cipher_list": st.sampled_from(["HIGH:!aNULL", "ALL:@SECLEVEL=0", "ECDHE+AESGCM"]),
    "dh_params": _PATHS,
    "ec_curve": st.sampled_from(["P-256", "X25519:prime256v1"]),
    "verify_depth": st.integers(0, 100),
    "alpn": st.lists(_PATH_TEXT.filter(_is_trimmed), min_size=1, max_size=3)
    .filter(_is_list)
    .filter(_fits("alpn")),
    "danger_skip_hostname_check": st.booleans(),
    "private_key_passphrase_command": st.sampled_from(["pass show tls", "cat '/a b'"]),
    "certificate2": _PATHS,
    "private_key2": _PATHS,
    "identity": st.sampled_from(["host", "sip"]),
    "ocsp_response": _PATHS,
    "require_staple": st.booleans(),
    "ticket_key_file": _PATHS,
    "ticket_rotation": st.sampled_from([0, 60, 86400]),
    "keylog_file": st.one_of(_PATHS, st.just("$SSLKEYLOGFILE")),
    "client_eku": st.sampled_from(["client", "client_or_server"]),
    "min_rsa_bits": st.integers(2048, 16384),
}  # fmt: skip

#: Values that TOML alone can say.
TOML_VALUES: dict[str, st.SearchStrategy[Any]] = VALUES | {
    "certificate": st.one_of(_PATHS, st.sampled_from([PEM, b'# \\ """ \x7f\r\n' + PEM])),
    "ca_list": st.one_of(_PATH_TEXT.filter(_fits("ca_list")), st.just(PEM + PEM)),
    "private_key_passphrase": _PATH_TEXT,
    "alpn": st.lists(_PATH_TEXT, max_size=3).filter(_fits("alpn")),
    "match_sip_domain": st.lists(
        st.one_of(_FILTERS, st.just("[a,b].test")), min_size=1, max_size=3
    ),
}

NAMES = (
    _TEXT.filter(_fits("name"))
    .map(str.strip)
    .filter(lambda name: "]" not in name)
    .filter(_is_no_old_form)
)
_SOCKETS = st.builds(
    Socket,
    st.sampled_from(["tls", "wss", "udp", "ipsec", "hep_tls", "msrps"]),
    st.sampled_from(
        ["10.0.0.1", "::1", "*", "eth0", "my_host", "udp", "a.b-c", "1.route.example", "eth0.100"]
    ),
    st.integers(1, 65535),
    st.just(ORIGIN),
)
_TIMES = st.none() | st.integers(1, 999_999).map(lambda number: number / 1000)
_AVPS = st.none() | st.sampled_from(["sip_dom", 'q"\\', "s#$"])
_LIBRARIES = st.sampled_from([None, "none", *LIBRARIES])


def _table(name: str, kind: Any, values: dict[str, Any]) -> DomainTable:
    stored = {field: normalise(field, value) for field, value in values.items()}
    return DomainTable(name, kind, ORIGIN, stored, dict.fromkeys(stored, ORIGIN))


def login_urls(scheme: str) -> st.SearchStrategy[str]:
    """URLs with a user and perhaps a password, of whatever characters but control characters."""
    text = st.text(_ALPHABET, max_size=8).filter(lambda part: not set(part) & _CONTROLS)
    text = text.map(lambda part: quote(part, safe=""))
    login = st.one_of(text, st.tuples(text, text).map(":".join))
    return login.map(lambda user: f"{scheme}://{user}@db.example:99/opensips")


DATABASES = st.none() | st.builds(
    DatabaseSettings,
    st.one_of(
        login_urls("mysql+pymysql"), login_urls("postgresql+psycopg"), st.just("sqlite:////a b.db")
    ),
    st.sampled_from(["tls_mgm", "my$table"]),
    st.dictionaries(
        st.sampled_from(COLUMNS + OUR_COLUMNS), st.sampled_from(["c1", "x$y"]), max_size=3
    ),
)


@st.composite
def configurations(
    draw: st.DrawFn,
    values: dict[str, st.SearchStrategy[Any]] | None = None,
    path: str = "/conf/source.toml",
) -> Configuration:
    """Configurations, by default of what every language can say."""
    tables = st.fixed_dictionaries({}, optional=values or VALUES)
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(["server", "client"]), NAMES | st.just("default")),
            max_size=4, unique=True,
        )
    )  # fmt: skip
    return Configuration.of_tables(
        path,
        _table("default", "server", draw(tables)) if draw(st.booleans()) else None,
        [_table(name, kind, draw(tables)) for kind, name in keys],
        sockets=tuple(draw(st.lists(_SOCKETS, max_size=3))),
        tls_library=draw(_LIBRARIES),
        client_tls_domain_avp=draw(_AVPS),
        client_sip_domain_avp=draw(_AVPS),
        handshake_timeout=draw(_TIMES),
        send_timeout=draw(_TIMES),
        database=draw(DATABASES),
    )
