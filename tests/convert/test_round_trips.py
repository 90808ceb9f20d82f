"""From language to language and back: nothing is lost, nothing is added."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import load_cases, script_of
from tests.support.configurations import ORIGIN, PEM, TOML_VALUES, configurations, login_urls
from tlsmgm import Domain
from tlsmgm._config.convert import Language, convert, differences
from tlsmgm._config.database_settings import DatabaseSettings, normal_url, opensips_url
from tlsmgm._config.model import Configuration, DomainTable, Socket
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.tables import written_values
from tlsmgm._config.toml import read_toml_text
from tlsmgm._config.write_opensips import write_script
from tlsmgm._config.write_toml import toml_library, write_toml
from tlsmgm.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [
    path
    for kind in ("*.cfg", "*.toml")
    for path in sorted((ROOT / "examples").rglob(kind))
    if path.name != "pyproject.toml"
]
LANGUAGES: tuple[Language, ...] = ("toml", "script")


def written(configuration: Configuration, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """What is written about the domains of a kind; certificate and key of a server always are."""
    tables = (table for table in configuration.tables if table.kind == kind)
    shared = defaults_of(configuration)
    usual = {"certificate": "tls/cert.pem", "private_key": "tls/ckey.pem"}
    always = usual.items() if kind == "server" else ()
    more = {name: path for name, path in always if name not in shared}
    return [(table.name, more | written_values(table)) for table in tables]


def defaults_of(configuration: Configuration) -> dict[str, Any]:
    return {} if configuration.defaults is None else written_values(configuration.defaults)


def assert_same(source: Configuration, other: Configuration) -> None:
    """Unlike the check of the program itself, this compares what is written, not what it means."""
    for kind in ("server", "client"):
        assert written(other, kind) == written(source, kind)
    assert defaults_of(other) == defaults_of(source)
    assert sorted(map(repr, other.domains)) == sorted(
        repr(domain.replace(origin=found.origin))
        for domain in source.domains
        for found in other.domains
        if (found.kind, found.name) == (domain.kind, domain.name)
    )
    assert other.database == source.database
    assert other.handshake_timeout == source.handshake_timeout
    assert other.send_timeout == source.send_timeout


def round_trip(source: Configuration) -> None:
    """To TOML, to a script, and to TOML again, which is the same text."""
    first = convert(source, "toml", "/conf/tlsmgm.toml")
    assert_same(source, first.configuration)
    second = convert(first.configuration, "script", "/conf/opensips.cfg")
    assert_same(source, second.configuration)
    third = convert(second.configuration, "toml", "/conf/tlsmgm.toml")
    expected = first.text
    if (toml_library(source) or "auto") == "auto":  # then the script has settled on a library
        assert third.configuration.tls_library == "openssl"
        third_text = write_toml(dataclasses.replace(first.configuration, tls_library="openssl"))
        assert third.text == third_text
    else:
        assert third.text == expected
    again = convert(third.configuration, "script", "/conf/opensips.cfg")
    assert_same(source, again.configuration)


@given(configurations())
def test_what_both_can_say_goes_round(source: Configuration) -> None:
    round_trip(source)


@given(configurations(TOML_VALUES))
def test_toml_says_everything(source: Configuration) -> None:
    made = convert(source, "toml", "/conf/tlsmgm.toml")
    assert_same(source, made.configuration)
    refusal: ConfigError | None = None
    try:
        script = convert(made.configuration, "script", "/conf/opensips.cfg")
    except ConfigError as error:
        refusal = error
    else:
        assert_same(source, script.configuration)
    if refusal is not None:
        assert refusal.parameter
        assert refusal.hint
        assert "does not say the same" not in refusal.reason


@given(configurations(TOML_VALUES))
def test_toml_has_nothing_that_cannot_be_seen(source: Configuration) -> None:
    text = convert(source, "toml").text
    assert text.endswith("\n")
    assert all(char == "\n" or char.isprintable() for char in text)


@given(configurations(), st.sampled_from(LANGUAGES))
def test_what_is_written_anew_stays_as_it_is(source: Configuration, language: Language) -> None:
    first = convert(source, language)
    assert convert(first.configuration, language).text == first.text


@pytest.mark.parametrize("name", ["server_matching", "client_matching"])
def test_recorded_configurations_go_round(name: str) -> None:
    for case in load_cases(name):
        source = read_script_text(script_of(case["params"]), "/conf/opensips.cfg")
        assert source.domains
        round_trip(source)


@pytest.mark.parametrize("case", load_cases("tls_method"), ids=lambda case: str(case["method"]))
def test_recorded_methods_go_round(case: dict[str, Any]) -> None:
    params = [["server_domain", "d"], ["tls_method", f"[d]{case['method']}"]]
    try:
        source = read_script_text(script_of(params), "/conf/opensips.cfg")
    except ConfigError:
        assert not case["starts"] or case["method"].count("-")
        return
    round_trip(source)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_go_round(path: Path) -> None:
    read = read_toml_text if path.suffix == ".toml" else read_script_text
    source = read(path.read_text(encoding="utf-8"), f"/conf/{path.name}")
    assert source.domains
    round_trip(source)


@given(login_urls("mysql+pymysql") | login_urls("postgresql+psycopg"))
def test_urls_go_round(url: str) -> None:
    assert normal_url(opensips_url(url), opensips=True) == normal_url(url)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("sqlite:////var/tls.db", "sqlite:///var/tls.db"),
        ("mysql+pymysql://u:p@h/d", "mysql://u:p@h/d"),
        ("mariadb+pymysql://u:p@h:3307/d", "mysql://u:p@h:3307/d"),
        ("postgresql+psycopg://u@h/d", "postgres://u@h/d"),
        ("postgresql://h/d", "postgres://h/d"),
        ("mysql+pymysql://u:p%40%2F%23@h/d", "mysql://u:p%40%2F%23@h/d"),
        ("mysql+pymysql://u:%5Bp%5D%20%25@h/d", "mysql://u:%5Bp%5D%20%25@h/d"),
        ("mysql+pymysql://u:%C3%A4%21@h/d", "mysql://u:ä!@h/d"),
        ("mysql+pymysql://u:p%3F@h/d", "mysql://u:p%3F@h/d"),
        (
            "mysql+pymysql://u:p@localhost/d?unix_socket=/run/x.sock",
            "mysql://u:p@unix(/run/x.sock)/d",
        ),
        ("mysql+pymysql://u:p%2541@h/d", "mysql://u:p%2541@h/d"),
        ("mysql+pymysql://a%3Ab:p@h/d", "mysql://a%3Ab:p@h/d"),
        ("mysql+pymysql://u:tls_domain%3Dx@h/d", "mysql://u:tls_domain%3Dx@h/d"),
    ],
)
def test_urls_of_opensips(url: str, written: str) -> None:
    assert opensips_url(url) == written
    assert opensips_url(normal_url(written, opensips=True)) == written


def as_opensips_reads(url: str) -> tuple[str | None, str | None, str, str]:
    """User, password, host and database by the rules of OpenSIPS' ``db_id.c``."""
    rest = url.partition("://")[2]
    login, _, place = rest.partition("@")  # the first one, whatever stands behind
    user, colon, password = login.partition(":")
    host, _, database = place.partition("/")
    parts = [user, password if colon else None, host, database]
    for part in parts:
        for escape in re.findall("%(..)?", part or ""):
            assert 32 <= int(escape, 16) <= 126
    return tuple(part if part is None else unquote(part) for part in parts)  # type: ignore[return-value]


@given(login_urls("mysql+pymysql") | login_urls("postgresql+psycopg"))
def test_opensips_reads_the_same_user_and_password(url: str) -> None:
    rest = url.partition("://")[2]
    user, colon, password = rest.rpartition("@")[0].partition(":")
    expected = (unquote(user), unquote(password) if colon else None)
    assert as_opensips_reads(opensips_url(url)) == (*expected, "db.example:99", "opensips")


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://u:hush%0A@h/d",
        "mysql+pymysql://u%7F:hush@h/d",
        "postgresql+psycopg://u:hush@h/50%25",
    ],
)
def test_urls_that_opensips_would_misread(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opensips_url(url)
    assert caught.value.hint
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///relative.db", "postgresql+psycopg://u:hush@h/d?a=b"])
def test_urls_that_opensips_has_not(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opensips_url(url)
    assert "hush" not in str(caught.value)


# One domain, three sources.

SCRIPT = """
modparam("tls_mgm", "ca_list", "ca.pem")
modparam("tls_mgm", "client_domain", "atlanta")
modparam("tls_mgm", "danger_skip_hostname_check", "[atlanta]1")
modparam("tls_mgm", "private_key_passphrase_command", "[atlanta]pass show tls")
modparam("tls_mgm", "peer_identity", "[atlanta]biloxi.com, atlanta.com")
modparam("tls_mgm", "require_staple", "[atlanta]1")
modparam("tls_mgm", "server_domain", "atlanta")
modparam("tls_mgm", "match_ip_address", "[atlanta]10.0.0.10:5061, [::1]:5061")
modparam("tls_mgm", "match_sip_domain", "[atlanta]atlanta.com, *.atlanta.com")
modparam("tls_mgm", "tls_method", "[atlanta]tlsv1_2-")
modparam("tls_mgm", "verify_cert", "[atlanta]1")
modparam("tls_mgm", "require_cert", "[atlanta]0")
modparam("tls_mgm", "certificate", "[atlanta]atlanta.pem")
modparam("tls_mgm", "private_key", "[atlanta]/keys/atlanta.key")
modparam("tls_mgm", "private_key_passphrase", "[atlanta]hush")
modparam("tls_mgm", "ca_dir", "[atlanta]cas")
modparam("tls_mgm", "crl_dir", "[atlanta]crls")
modparam("tls_mgm", "crl_check_all", "[atlanta]1")
modparam("tls_mgm", "ciphers_list", "[atlanta]HIGH:!aNULL")
modparam("tls_mgm", "dh_params", "[atlanta]dh.pem")
modparam("tls_mgm", "ec_curve", "[atlanta]P-256")
modparam("tls_mgm", "verify_depth", "[atlanta]2")
modparam("tls_mgm", "alpn", "[atlanta]sip, h2")
modparam("tls_mgm", "certificate2", "[atlanta]rsa.pem")
modparam("tls_mgm", "private_key2", "[atlanta]rsa.key")
modparam("tls_mgm", "identity", "[atlanta]sip")
modparam("tls_mgm", "ocsp_response", "[atlanta]staple.der")
modparam("tls_mgm", "ticket_key_file", "[atlanta]tickets.txt")
modparam("tls_mgm", "ticket_rotation", "[atlanta]3600")
modparam("tls_mgm", "keylog_file", "[atlanta]$SSLKEYLOGFILE")
modparam("tls_mgm", "client_eku", "[atlanta]client_or_server")
modparam("tls_mgm", "min_rsa_bits", "[atlanta]3072")
"""

TOML = """
[defaults]
ca_list = "ca.pem"
[server.atlanta]
match_ip_address = ["10.0.0.10:5061", "[::1]:5061"]
match_sip_domain = ["atlanta.com", "*.atlanta.com"]
method = "TLSv1_2-TLSv1_3"
verify_cert = true
require_cert = false
certificate = "atlanta.pem"
private_key = "/keys/atlanta.key"
private_key_passphrase = "hush"
ca_dir = "cas"
crl_dir = "crls"
crl_check_all = true
cipher_list = "HIGH:!aNULL"
dh_params = "dh.pem"
ec_curve = "P-256"
verify_depth = 2
alpn = ["sip", "h2"]
certificate2 = "rsa.pem"
private_key2 = "rsa.key"
identity = "sip"
ocsp_response = "staple.der"
ticket_key_file = "tickets.txt"
ticket_rotation = 3600
keylog_file = "$SSLKEYLOGFILE"
client_eku = "client_or_server"
min_rsa_bits = 3072
[client.atlanta]
danger_skip_hostname_check = true
private_key_passphrase_command = "pass show tls"
peer_identity = ["biloxi.com", "atlanta.com"]
require_staple = true
"""


def test_script_toml_and_python_make_the_same_domains() -> None:
    domains = (
        Domain(
            "atlanta",
            "client",
            ca_list="/conf/ca.pem",
            danger_skip_hostname_check=True,
            private_key_passphrase_command="pass show tls",
            peer_identity=["biloxi.com", "atlanta.com"],
            require_staple=True,
        ),
        Domain(
            "atlanta",
            "server",
            match_ip_address=["10.0.0.10:5061", "[::1]:5061"],
            match_sip_domain=["atlanta.com", "*.atlanta.com"],
            method="TLSv1_2-",
            require_cert=False,
            certificate="/conf/atlanta.pem",
            private_key=Path("/keys/atlanta.key"),
            private_key_passphrase=b"hush",
            ca_list="/conf/ca.pem",
            ca_dir="/conf/cas",
            crl_dir="/conf/crls",
            crl_check_all=True,
            cipher_list="HIGH:!aNULL",
            dh_params="/conf/dh.pem",
            ec_curve="P-256",
            verify_depth=2,
            alpn=["sip", "h2"],
            certificate2="/conf/rsa.pem",
            private_key2="/conf/rsa.key",
            identity="sip",
            ocsp_response="/conf/staple.der",
            ticket_key_file="/conf/tickets.txt",
            ticket_rotation=3600,
            keylog_file="$SSLKEYLOGFILE",
            client_eku="client_or_server",
            min_rsa_bits=3072,
        ),
    )
    script = read_script_text(SCRIPT, "/conf/opensips.cfg")
    toml = read_toml_text(TOML, "/conf/tlsmgm.toml")
    assert script.domains == domains
    assert convert(toml, "script").configuration.domains == domains
    assert toml.domains == domains[::-1]  # TOML has servers first
    assert convert(script, "toml").configuration.domains == domains[::-1]
    client, server = domains
    differing = [
        field.name
        for field in dataclasses.fields(Domain)
        if field.compare and getattr(server, field.name) == field.default
    ]
    # All others are not defaults.
    assert differing == [
        "verify_cert",
        "danger_skip_hostname_check",
        "private_key_passphrase_command",
        "peer_identity",
        "require_staple",
    ]
    assert client.danger_skip_hostname_check


# How it looks.


def test_toml_as_it_is_written() -> None:
    made = convert(read_script_text(SCRIPT + 'loadmodule "tls_wolfssl.so"\n'), "toml")
    assert made.text == (
        "# TLS domains of tlsmgm: one table per domain, paths from this file's folder.\n"
        '\nlibrary = "wolfssl"\n' + TOML.replace("\n[", "\n\n[").removeprefix("\n")
    )


def test_pem_and_long_lists_as_they_are_written() -> None:
    names = [f"name-number-{number}.example" for number in range(5)]
    values = {"match_sip_domain": tuple(names), "ca_list": PEM.replace(b"\r", b"")}
    table = DomainTable('k\u00e4se "x"', "server", ORIGIN, values)
    text = write_toml(Configuration.of_tables("x.toml", None, [table]))
    assert text.partition("\n\n")[2] == (
        '[server."k\u00e4se \\"x\\""]\nmatch_sip_domain = [\n'
        + "".join(f'    "{name}",\n' for name in names)
        + ']\nca_list = """\n' + PEM.replace(b"\r", b"").decode() + '"""\n'
    )  # fmt: skip


def test_script_as_it_is_written() -> None:
    source = read_toml_text(
        'library = "wolfssl"\nlisten = ["tls:[::1]:5061", "udp:10.0.0.1", "tls:a.b:5"]\n'
        'client_sip_domain_avp = "sip"\nhandshake_timeout = 0.3\n'
        '[defaults]\nca_list = "ca.pem"\n[client.a]\nverify_cert = false\n'
        '[server.a]\ncertificate = "a \\"b\\".pem"\nverify_depth = 1\n'
        '[database]\nurl = "postgresql://u:p@h/d"\ntable = "t"\n'
        '[database.columns]\nmethod = "m"\ncipher_list = "c"\n',
        "/conf/x.toml",
    )
    assert convert(source, "script").text == (
        "# TLS domains for OpenSIPS and tlsmgm. Routes and other modules are not in here.\n"
        "# Paths are relative to this file: start OpenSIPS in its folder (opensips -w FOLDER), or"
        " make them absolute.\n"
        "\n"
        "socket=tls:[::1]:5061\n"
        "socket=udp:10.0.0.1:5060\n"
        'socket=tls:"a.b":5\n'
        "\n"
        'loadmodule "proto_tls.so"\n'
        'loadmodule "proto_udp.so"\n'
        'loadmodule "tls_wolfssl.so"\n'
        'loadmodule "tls_mgm.so"\n'
        "\n"
        'modparam("proto_tls", "tls_handshake_timeout", 300)\n'
        'modparam("tls_mgm", "tls_library", "wolfssl")\n'
        'modparam("tls_mgm", "client_sip_domain_avp", "sip")\n'
        "\n"
        '# OpenSIPS needs loadmodule "db_postgres.so" before this, which is not in here.\n'
        'modparam("tls_mgm", "db_url", "postgres://u:p@h/d")\n'
        'modparam("tls_mgm", "db_table", "t")\n'
        'modparam("tls_mgm", "tls_method_col", "m")\n'
        'modparam("tls_mgm", "ciphers_list_col", "c")\n'
        "\n"
        "# For all domains. OpenSIPS refuses these: it wants each of them as [domain]value.\n"
        'modparam("tls_mgm", "ca_list", "ca.pem")\n'
        "\n"
        'modparam("tls_mgm", "client_domain", "a")\n'
        'modparam("tls_mgm", "verify_cert", "[a]0")\n'
        "\n"
        'modparam("tls_mgm", "server_domain", "a")\n'
        'modparam("tls_mgm", "certificate", "[a]a \\"b\\".pem")\n'
        'modparam("tls_mgm", "private_key", "[a]tls/ckey.pem")\n'
        "# OpenSIPS refuses this one, which is a parameter of tlsmgm alone.\n"
        'modparam("tls_mgm", "verify_depth", "[a]1")\n'
    )


# Libraries.


@pytest.mark.parametrize(
    ("script", "library", "warned"),
    [
        ('loadmodule "tls_openssl.so"', "openssl", False),
        ('loadmodule "tls_wolfssl.so"', "wolfssl", False),
        ("", "auto", True),
        ('loadmodule "tls_openssl.so"\nloadmodule "tls_wolfssl.so"', "auto", True),
        ('modparam("tls_mgm", "tls_library", "none")', "none", False),
        ('modparam("tls_mgm", "tls_library", "wolfssl")', "wolfssl", True),
    ],
)
def test_library_of_a_script(script: str, library: str, warned: bool) -> None:
    made = convert(read_script_text(script), "toml")
    assert made.configuration.tls_library == library
    assert [text for text in made.warnings if "does not settle" in text] == list(made.warnings)
    assert bool(made.warnings) == warned


@pytest.mark.parametrize(
    ("library", "module"),
    [("auto", "openssl"), (None, "openssl"), ("openssl", "openssl"), ("wolfssl", "wolfssl")],
)
def test_library_of_toml(library: str | None, module: str) -> None:
    text = f'library = "{library}"' if library else ""
    made = convert(read_toml_text(text), "script")
    assert made.configuration.loaded_modules == (f"tls_{module}", "tls_mgm")
    assert made.configuration.resolve_library() == module
    assert made.configuration.tls_library == library
    assert [text for text in made.warnings if "tls_openssl is loaded" in text] == list(
        made.warnings
    )
    assert bool(made.warnings) == (library in ("auto", None))


def test_no_library() -> None:
    made = convert(read_toml_text('library = "none"'), "script")
    assert made.configuration.loaded_modules == ("tls_mgm",)
    assert made.configuration.resolve_library() == "none"


# What cannot be said.


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[server.a]\nca_list = '''-----BEGIN X\n'''", "x.toml:2: domain 'a': parameter 'ca_list':"
         " is PEM, which a script has in files only (put it into a file and give its path)"),
        ("[server.'a]b']", "domain 'a]b': parameter 'name': ']' in a name cannot be said in a"
         " script, where names stand in brackets (choose another name)"),
        ("[server.'a=1.2.3.4:5']", "parameter 'name': would be read as OpenSIPS 2 wrote"),
        ("[server.'a=*']", "parameter 'name': would be read as OpenSIPS 2 wrote"),
        ("[server.a]\nalpn = []", "domain 'a': parameter 'alpn': is empty, which a script cannot"
         " say (leave it out)"),
        ("[server.a]\nalpn = [' x']", "parameter 'alpn': has an entry with a comma or with blanks"),
        ("[client.a]\nmatch_sip_domain = ['[a,b]']", "'match_sip_domain': has an entry with a"),
        ("[client.a]\nca_list = ' x'", "domain 'a': parameter 'ca_list': has blanks at its ends"),
        ("[client.a]\nprivate_key_passphrase = 'hush '", "has blanks at its ends"),
        ("[client.a]\nprivate_key_passphrase = ''", "'private_key_passphrase': has nothing"),
        ("[defaults]\nca_list = '[x]y'", "x.toml:2: parameter 'ca_list': begins with brackets,"
         " which in a script name a domain (set it in each domain instead of as a default)"),
        ("[defaults]\nmatch_sip_domain = ['[ab]c']", "begins with brackets"),
        ("[database]\nurl = 'sqlite:////x'\nwatch = 1", "parameter 'watch': 'watch' of the database"
         " cannot be said in a script (leave it out, or stay with TOML)"),
        ("[database]\nurl = 'sqlite:////x'\ntimeout = 1", "parameter 'timeout': "),
        ("[database]\nurl = 'mysql://u:hush@h/d?a=b'", "x.toml:1: parameter 'url': has parameters"),
        ("handshake_timeout = 0.0001", "parameter 'tls_handshake_timeout': 0.0001 seconds are no"),
        ("listen = 'tls:a b:1'", "x.toml:1: parameter 'socket': host 'a b' cannot stand in a"),
        ("listen = 'tls:#:1'", "host '#' cannot stand"),
    ],
)  # fmt: skip
def test_what_a_script_cannot_say(toml: str, message: str) -> None:
    source = read_toml_text(toml, "x.toml")
    with pytest.raises(ConfigError) as caught:
        convert(source, "script")
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ca_list": "k\udce4se.pem"}, "domain 'a': parameter 'ca_list': is not UTF-8"),
        ({"ca_list": PEM + b"\xff"}, "parameter 'ca_list': is not UTF-8, which TOML must be (put"),
        ({"ca_list": b"x -----BEGIN"}, "is PEM that TOML would take for a path (put it into a"),
        ({"private_key_passphrase": b"hush\xff"}, "is not UTF-8, which TOML must be (use another"),
    ],
)
def test_what_toml_cannot_say(values: dict[str, Any], message: str) -> None:
    source = Configuration.of_tables("x.cfg", None, [DomainTable("a", "client", ORIGIN, values)])
    with pytest.raises(ConfigError) as caught:
        convert(source, "toml")
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)


# The net below it all.

BASE = Configuration.of_tables(
    "/conf/x.toml",
    None,
    [DomainTable("a", "server", ORIGIN), DomainTable("b", "client", ORIGIN, {"ca_list": "c"})],
    sockets=(Socket("tls", "1.2.3.4", 5, ORIGIN),),
    tls_library="openssl",
    client_sip_domain_avp="x",
    handshake_timeout=1.0,
    database=DatabaseSettings("sqlite:////x"),
)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"domains": BASE.domains[::-1]}, []),  # order counts within a kind
        ({"domains": BASE.domains[:1]}, ["client domains"]),
        (
            {"domains": (BASE.domains[0], BASE.domains[1].replace(ca_list="/other"))},
            ["ca_list of client domain 'b'"],
        ),
        ({"sockets": ()}, ["sockets"]),
        ({"tls_library": "wolfssl"}, ["library"]),
        ({"tls_library": None}, ["library"]),
        ({"client_sip_domain_avp": None}, ["client_sip_domain_avp"]),
        ({"handshake_timeout": 2.0}, ["handshake_timeout"]),
        ({"database": None}, ["database"]),
        ({"database": DatabaseSettings("sqlite:////y")}, ["database"]),
        ({"database": DatabaseSettings("sqlite:////x", "t")}, ["database"]),
        ({"database": DatabaseSettings("sqlite:////x", columns={"id": "x"})}, ["database"]),
    ],
)
def test_differences_are_found(changes: dict[str, Any], found: list[str]) -> None:
    assert list(differences(BASE, dataclasses.replace(BASE, **changes), "toml")) == found


def test_a_writer_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(configuration: Configuration) -> str:
        return write_script(configuration).replace("[b]c", "[b]d")

    monkeypatch.setattr("tlsmgm._config.convert.write_script", forgetful)
    with pytest.raises(ConfigError) as caught:
        convert(BASE, "script")
    assert str(caught.value) == (
        "/conf/x.toml: what was written does not say the same: ca_list of client domain 'b' "
        "(this is a defect of tlsmgm; please report it)"
    )


# What the written file is for others.


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("read", [read_script_text, read_toml_text])
def test_files_that_are_not_named_are_named(read: Any, language: Language) -> None:
    """OpenSIPS takes those of the folder that it was built for."""
    text = 'modparam("tls_mgm", "server_domain", "a")\nmodparam("tls_mgm", "client_domain", "b")\n'
    if read is read_toml_text:
        text = "[server.a]\n[client.b]\n"
    source = read(text, f"/conf/x.{'toml' if read is read_toml_text else 'cfg'}")
    made = convert(source, language)
    for path in ("tls/cert.pem", "tls/ckey.pem"):
        assert made.text.count(path) == 1
    assert made.configuration.domains == source.domains
    assert ("start OpenSIPS in its folder" in made.text) == (language == "script")


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("eth0", "tls:eth0:5061"),
        ("*", "tls:*:5061"),
        ("[::1]", "tls:[::1]:5061"),
        ("10.0.0.1", "tls:10.0.0.1:5061"),
        ("route.example", 'tls:"route.example":5061'),  # a word of the language
        ("eth0.100", 'tls:"eth0.100":5061'),  # would be two tokens
    ],
)
def test_hosts_are_quoted_where_the_grammar_needs_it(host: str, written: str) -> None:
    source = read_toml_text(f'listen = ["tls:{host}:5061"]\n[client.a]\n', "/conf/x.toml")
    assert f"\nsocket={written}\n" in convert(source, "script").text


def test_addresses_with_a_zone_are_no_part_of_a_script() -> None:
    source = read_toml_text('listen = ["tls:[fe80::1%eth0]:5061"]\n[client.a]\n', "/conf/x.toml")
    with pytest.raises(ConfigError, match="has a zone") as caught:
        convert(source, "script")
    assert caught.value.hint


def test_a_socket_without_protocol_is_no_part_of_a_script() -> None:
    text = 'listen = ["127.0.0.1:5070", "[::1]:5070"]\n[client.a]\n'
    source = read_toml_text(text, "/conf/x.toml")
    assert '"127.0.0.1:5070"' in convert(source, "toml").text
    with pytest.raises(ConfigError, match=r"'127\.0\.0\.1:5070' names no protocol") as caught:
        convert(source, "script")
    assert "x.toml:1" in str(caught.value)
    assert caught.value.hint
