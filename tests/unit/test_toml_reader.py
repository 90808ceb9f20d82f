"""Reader of TOML: fields, names, paths, lines, messages, and what must never be in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsmgm import TLSManager
from tlsmgm._config import toml
from tlsmgm._config.model import DOMAIN_PARAMETERS, Configuration
from tlsmgm._config.reader import is_toml, read_configuration
from tlsmgm._config.toml import read_toml, read_toml_text
from tlsmgm._config.toml_lines import Lines, comments
from tlsmgm._domains.domain import Domain
from tlsmgm.errors import ConfigError

SECRET = "s3cr3t-hush"
KEY = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def read(text: str, path: str = "x.toml") -> Configuration:
    return read_toml_text(text, path)


def refused(text: str, path: str = "x.toml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_toml_text(text, path)
    assert type(caught.value) is ConfigError
    return caught.value


# What can be said.

EVERYTHING = """
library = "WolfSSL"
listen = ["tls:10.0.0.10:5061", "wss:[::1]:8443", " udp:10.0.0.10 ", "10.0.0.11:5070"]
client_tls_domain_avp = "tls_dom"
client_sip_domain_avp = "$avp(sip_dom)"
handshake_timeout = 2.5
send_timeout = 3

[defaults]
ca_list = "ca.pem"
verify_depth = 5

[server.atlanta]
match_ip_address = ["10.0.0.10:5061", "[::1]:5061"]
match_sip_domain = ["atlanta.com", "*.atlanta.com"]
method = "TLSv1_2-TLSv1_3"
verify_cert = false
require_cert = true
certificate = "atlanta.pem"
private_key = "/keys/atlanta.key"
private_key_passphrase = "  hush "
ca_list = "cas.pem"
ca_dir = "cas/"
crl_dir = "crls"
crl_check_all = true
cipher_list = "HIGH:!aNULL"
dh_params = "dh.pem"
ec_curve = "X25519:P-256"
verify_depth = 0
alpn = ["sip", "h2"]

[client.out]
danger_skip_hostname_check = true
match_sip_domain = "a.com, b.com"

[database]
url = "mysql://u:secret@h/db"
table = "domains"
timeout = 2
watch = 0.5
[database.columns]
domain = "name"
"""


def test_every_key() -> None:
    config = read(EVERYTHING, "/etc/tls/tlsmgm.toml")
    assert config.domains == (
        Domain(
            "atlanta",
            "server",
            match_ip_address="10.0.0.10:5061,[::1]:5061",
            match_sip_domain="atlanta.com,*.atlanta.com",
            method="TLSv1_2-TLSv1_3",
            verify_cert=False,
            require_cert=True,
            certificate="/etc/tls/atlanta.pem",
            private_key="/keys/atlanta.key",
            private_key_passphrase="  hush ",
            ca_list="/etc/tls/cas.pem",
            ca_dir="/etc/tls/cas/",
            crl_dir="/etc/tls/crls",
            crl_check_all=True,
            cipher_list="HIGH:!aNULL",
            dh_params="/etc/tls/dh.pem",
            ec_curve="X25519:P-256",
            verify_depth=0,
            alpn=("sip", "h2"),
        ),
        Domain(
            "out",
            "client",
            match_sip_domain="a.com,b.com",
            ca_list="/etc/tls/ca.pem",
            verify_depth=5,
            danger_skip_hostname_check=True,
        ),
    )
    assert [(socket.protocol, socket.host, socket.port) for socket in config.sockets] == [
        ("tls", "10.0.0.10", 5061),
        ("wss", "::1", 8443),
        ("udp", "10.0.0.10", 5060),
        ("any", "10.0.0.11", 5070),
    ]
    assert (config.tls_library, config.loaded_modules) == ("wolfssl", None)
    assert config.resolve_library() == "wolfssl"
    assert (config.client_tls_domain_avp, config.client_sip_domain_avp) == ("tls_dom", "sip_dom")
    assert (config.handshake_timeout, config.send_timeout) == (2.5, 3.0)
    database = config.database
    assert database is not None
    assert database.url == "mysql+pymysql://u:secret@h/db"
    assert (database.table, database.timeout, database.watch) == ("domains", 2, 0.5)
    assert database.columns == {"domain": "name"}
    assert config.warnings == ()


def test_nothing_written() -> None:
    config = read("")
    assert config == Configuration("x.toml")
    assert config.resolve_library() == "auto"


def test_defaults_of_domains() -> None:
    config = read("[server.a]\n[client.b]", "/conf/x.toml")
    assert config.domains == (
        Domain("a", "server", certificate="/conf/tls/cert.pem", private_key="/conf/tls/ckey.pem"),
        Domain("b", "client"),
    )


def test_defaults_alone_make_a_domain_of_each_kind() -> None:
    config = read('[defaults]\ncertificate = "c.pem"\nprivate_key = "k.pem"')
    assert [(domain.name, domain.kind) for domain in config.domains] == [
        ("default", "server"),
        ("default", "client"),
    ]
    assert {domain.certificate for domain in config.domains} == {"c.pem"}
    with_database = '[defaults]\nca_list = "c.pem"\n[database]\nurl = "sqlite:////t.db"'
    assert read(with_database).domains == ()


@pytest.mark.parametrize("parameter", DOMAIN_PARAMETERS)
def test_names_of_the_manual(parameter: str) -> None:
    values = {
        "tls_method": '"TLSv1_3"',
        "verify_cert": "0",
        "require_cert": "1",
        "crl_check_all": "1",
        "danger_skip_hostname_check": "1",
        "require_staple": "1",
        "verify_depth": "7",
        "match_ip_address": '"1.2.3.4:5"',
        "ec_curve": '"P-256"',
        "identity": '"sip"',
        "ticket_rotation": "3600",
        "client_eku": '"client_or_server"',
        "min_rsa_bits": "3072",
    }
    value = values.get(parameter, '"HIGH"')
    field = DOMAIN_PARAMETERS[parameter]
    (by_manual,) = read(f"[server.d]\n{parameter} = {value}").domains
    (by_field,) = read(f"[server.d]\n{field} = {value}").domains
    assert by_manual == by_field
    assert getattr(by_manual, field) != getattr(Domain("d", "server"), field) or (
        parameter == "require_cert"
    )


@pytest.mark.parametrize("field", ["certificate", "private_key", "ca_list", "dh_params"])
@pytest.mark.parametrize("before", ["", "\n  ", "subject=CN = x\n", "# a comment\r\n"])
def test_pem_in_the_file(field: str, before: str) -> None:
    (domain,) = read(f'[server.d]\n{field} = """{before}{PEM}"""').domains
    value = getattr(domain, field)
    assert isinstance(value, bytes)
    assert value.strip() == (before + PEM).replace("\r\n", "\n").strip().encode()


def test_relative_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('[client.d]\nca_list = "a/../b.pem"\nca_dir = "~/x"')
    (domain,) = read_toml(tmp_path / "x.toml").domains
    assert domain.ca_list == f"{tmp_path}/a/../b.pem"
    assert domain.ca_dir == f"{tmp_path}/~/x"


def test_one_socket_needs_no_list() -> None:
    assert [socket.port for socket in read('listen = "tls:*"').sockets] == [5061]
    assert read("listen = []").sockets == ()


def test_database_paths() -> None:
    database = read('[database]\nurl = "sqlite:///tls.db"', "/conf/x.toml").database
    assert database is not None
    assert database.url == "sqlite:////conf/tls.db"
    assert (database.table, database.timeout, database.watch) == ("tls_mgm", 10.0, None)
    notified = read('[database]\nurl = "postgres://h/d"\nwatch = "notify"').database
    assert notified is not None
    assert notified.watch == "notify"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "Proxy.TOML"
    path.write_bytes('\ufeff[client."k\u00e4se"]\r\nverify_cert = false\r\n'.encode())
    assert is_toml(path)
    assert not is_toml("opensips.cfg")
    config = read_configuration(path)
    assert config.domains == (Domain("k\u00e4se", "client", verify_cert=False),)
    assert config.domains[0].origin is not None
    assert str(config.domains[0].origin) == f"{path}:1"
    assert TLSManager.from_toml(path, library="none").domains == config.domains


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(ConfigError, match=r"x\.toml: cannot read .*No such file"):
        read_toml(path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_toml(tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_toml("a\0b")
    path.write_bytes(b'library = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8 at byte 11"):
        read_toml(path)
    monkeypatch.setattr(toml, "MAX_FILE_SIZE", 5)
    with pytest.raises(ConfigError, match="larger than 5 bytes"):
        read_toml(path)


# Lines.

LINES = '''
library = "auto"
[defaults] # [server.x]
"ca_list" = """
[server.no]
key = "\\""" still text
"""
crl_dir = \'\'\'
[client.no]
verify_cert = 1
\'\'\'
client.dotted . "ca dir" = 1
[ server . "a.b" ]
match_sip_domain = [
  "x", # verify_cert = 1
  ["tls:1"]
]
verify_cert = true
[server]
c = { certificate = "x", private_key = { a = [{ deep = 1 }] } }
[[client.list]]
one = 1
[[client.list]]
two = 2
[server.'l"it'.sub]
x = """a"""""
y = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("library",), 2),
        (("defaults",), 3),
        (("defaults", "ca_list"), 4),
        (("defaults", "crl_dir"), 8),
        (("defaults", "client"), 12),
        (("defaults", "client", "dotted", "ca dir"), 12),
        (("server",), 13),
        (("server", "a.b"), 13),
        (("server", "a.b", "match_sip_domain"), 14),
        (("server", "a.b", "verify_cert"), 18),
        (("server", "c"), 20),
        (("server", "c", "certificate"), 20),
        (("server", "c", "private_key", "a", "deep"), 20),
        (("client", "list"), 21),
        (("client", "list", "one"), 22),
        (("client", "list", "two"), 24),
        (("server", 'l"it'), 25),
        (("server", 'l"it', "sub", "y"), 27),
        (("server", "c", "absent"), 20),
        (("absent",), None),
        (("server", "no"), 13),
        (("client", "no"), 21),
    ],
)
def test_lines(path: tuple[str, ...], line: int | None) -> None:
    assert Lines(LINES).of(path) == line


def test_lines_end_where_toml_says() -> None:
    text = 'a = "x\u2028\x85"\nb = """\r\n\n"""\r\nc = 1'
    lines = Lines(text)
    assert [lines.of([key]) for key in "abc"] == [1, 2, 5]


def test_comments() -> None:
    assert comments('# one\na = "# no" # two\nb = """\n# no\n"""\n') == ["# one", "# two"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[server.a]\nca_list = """\n\nx"""\nverify_cert = 2', 5),
        ('server.a.verify_cert = 2\n', 1),
        ('\nserver."a b" = { verify_cert = 2 }', 2),
        ("[server]\n[server.'a b']\n'verify_cert' = 2", 3),
        ("\n\n[[server.a]]\nverify_cert = 2", 3),
        ("[databases.x]\n", 1),
        ("\n[server]\na = 1", 3),
        ("\nlisten = [\n 1]", 2),
        ('\n\nlisten = "tls:x:y"', 3),
        ('\n[database]\nurl = "x"', 3),
        ('[database]\n\nurl="sqlite:////x"\ntimeout=0', 4),
        ('[database]\n\nurl="sqlite:////x"\n[database.columns]\nid=5', 5),
        ("\na = = 1", 2),
        ("\n\na = 1\na = 2\n", 4),
    ],
)  # fmt: skip
def test_errors_have_a_line(text: str, line: int) -> None:
    assert str(refused(text)).startswith(f"x.toml:{line}: ")


# Messages.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("librari = 1", "x.toml:1: parameter 'librari': is unknown here (did you mean 'library'?)"),
        ("zzz = 1", "parameter 'zzz': is unknown here (known: library, listen, "),
        ("certificate = 'x'", "'certificate': is unknown here (write it below [server.NAME], "),
        ("[server.a]\ncert = 'x'", "parameter 'cert': is unknown here (did you mean 'certificate"),
        ("listen = '9443'", "bad socket '9443': '9443' is no host (write tls:*:9443)"),
        ("[server.a]\ncertifikate = 1", "x.toml:2: domain 'a': parameter 'certifikate': is unknown"
         " here (did you mean 'certificate'?)"),
        ("[defaults]\nmatch = 1", "x.toml:2: parameter 'match': is unknown here"),
        ("[database]\nurls = 1", "(did you mean 'url'?)"),
        ("[database]\ntable = 't'", "x.toml:1: parameter 'url': is missing"),
        ('[database]\nurl = "sqlite:////x"\ncolumns.idd = "x"', "x.toml:3: parameter 'idd': is"
         " unknown here (did you mean 'id'?)"),
        ('[database]\nurl = "sqlite:////x"\ncolumns.id = "x y"', "'x y' is no name for column"),
        ('[database]\nurl = "sqlite:////x"\ntable = "x y"', "x.toml:3: parameter 'table': 'x y'"),
        ('[database]\nurl = "sqlite:////x"\nwatch = true', "parameter 'watch': must be a number"),
        ('[database]\nurl = "sqlite:////x"\nwatch = "often"', "must be 'notify' or seconds"),
        ('[database]\nurl = "sqlite:////x"\ntimeout = "1"', "parameter 'timeout': must be a number"
         " of seconds, not text"),
        ('[database]\nurl = "sqlite:////x"\ntimeout = nan', "parameter 'timeout': must be seconds"),
        ('[database]\nurl = "mysql://h/d?tls_domain=x"', "'tls_domain=' cannot be used here"),
        ("[database]\nurl = []", "parameter 'url': must be text, not a list"),
        ("database = 1", "parameter 'database': must be a table, not a number (write [database])"),
        ("server = 1", "parameter 'server': must be a table, not a number (write [server.NAME])"),
        ('[server]\ncertificate = "x"', "must be a table, not text (write [server.NAME])"),
        ("[[server.a]]", "parameter 'a': must be a table, not a list"),
        ("defaults = []", "must be a table, not a list (write [defaults])"),
        ('library = "gnutls"', "unknown library 'gnutls' (known: auto, none, openssl, wolfssl)"),
        ("library = 2021-01-01", "parameter 'library': must be text, not a date or time"),
        ('library = " "', "parameter 'library': is empty"),
        ("listen = 1", "parameter 'listen': must be a list of texts"),
        ('listen = ["tsl:1.2.3.4:5061"]', "bad socket 'tsl:1.2.3.4:5061' (write tls:10.0.0.10"),
        ('listen = ["udp:1.2.3.4:99999"]', "bad socket 'udp:1.2.3.4:99999'"),
        ('listen = ["tls:1.2.3.4:0"]', "parameter 'listen': bad socket 'tls:1.2.3.4:0'"),
        ("client_sip_domain_avp = 1", "must be text, not a number"),
        ('client_sip_domain_avp = "$avp()"', "parameter 'client_sip_domain_avp': is empty"),
        ("handshake_timeout = 0", "must be seconds above 0"),
        ("send_timeout = inf", "must be seconds above 0"),
        ("send_timeout = true", "must be a number of seconds, not true or false"),
        ('[server." "]', "parameter 'server name': is empty"),
        ('[server.a]\n[server." a"]', "x.toml:2: server domain 'a' is already defined at x.toml:1"),
        ("[server.a]\nmethod = 'x'\ntls_method = 'x'", "unknown method 'x'"),
        ("[server.a]\ncipher_list = 'x'\nciphers_list = 'x'", "x.toml:3: domain 'a': parameter"
         " 'ciphers_list': is set twice (it is the same parameter by another name)"),
        ("[server.a]\nverify_cert = 'yes'", "parameter 'verify_cert': must be true or false"),
        ("[server.a]\nverify_cert = 2", "must be true or false"),
        ("[server.a]\nverify_depth = 101", "must be a number from 0 to 100"),
        ("[server.a]\nverify_depth = true", "must be a number from 0 to 100"),
        ("[server.a]\nmatch_sip_domain = { a = 1 }", "must be text or a list of texts"),
        ("[server.a]\nmatch_sip_domain = [1]", "must be text or a list of texts"),
        ("[server.a]\nmatch_sip_domain = []", "domain 'a': parameter 'match_sip_domain': is empty"),
        ("[server.a]\nmatch_ip_address = ['1.2.3.4']", "bad address '1.2.3.4'"),
        ("[server.a]\ncertificate = ''", "parameter 'certificate': is empty"),
        ("[server.a]\ncertificate = ['x']", "must be text, not a list"),
        ("[server.a]\ntls_method = 'TLSv1_1'", "parameter 'tls_method': unknown method 'TLSv1_1'"),
        ("a = [", "x.toml: is no TOML: "),
        ("a = " + "1" * 5000, "x.toml: holds a number that is too long"),
        ("a = " + "[" * 5000 + "]" * 5000, "x.toml: is nested too deep"),
    ],
)  # fmt: skip
def test_messages(text: str, message: str) -> None:
    error = str(refused(text))
    assert error.startswith("x.toml")
    assert message in error


@pytest.mark.parametrize(
    "text",
    [
        f'[server.a]\nprivate_key = """{KEY}"""\nverify_cert = 9',
        f'[server.a]\nprivate_key = ["""{KEY}"""]',
        f'[server.a]\nprivate_key = {{ x = """{KEY}""" }}',
        f'[server.a]\nca_dir = ["""{KEY}"""]',
        f'[server.a]\nverify_cert = """{KEY}"""',
        f'[server.a]\nverify_depth = """{KEY}"""',
        f'[server.a]\nprivate_key_passphrase = ["{SECRET}"]',
        f'[server.a]\nprivate_key_passphrase = {{ {SECRET[:6]} = "{SECRET}" }}',
        f'[server.a]\nprivate_key_pasphrase = "{SECRET}"',
        f'private_key = """{KEY}"""',
        f'server = """{KEY}"""',
        f'server.a = """{KEY}"""',
        f'[database]\nurl = ["mysql://u:{SECRET}@h/d"]',
        f'[database]\nurl = "mysql://u:{SECRET}@h/d?tls_domain=x"',
        f'[database]\nurl = "mysqll://u:{SECRET}@h/d"',
        f'[database]\nurl = "u:{SECRET}@h/d"',
        f'[database]\nurl = "mysql://u:{SECRET}@h/d"\ntimeout = 0',
        f'[database]\npassword = "{SECRET}"',
        f'database = "mysql://u:{SECRET}@h/d"',
        f'[server.a]\nprivate_key = """{KEY}',
        f'[server.a]\nprivate_key = {KEY}',
    ],
)  # fmt: skip
def test_secrets_are_in_no_message(text: str) -> None:
    assert SECRET not in str(refused(text))


def test_secrets_are_in_no_repr() -> None:
    config = read(
        f'[defaults]\nprivate_key_passphrase = "{SECRET}"\n'
        f'[server.a]\nprivate_key = """# mine\n{KEY}"""\nprivate_key_passphrase = "{SECRET}"\n'
        f'[database]\nurl = "mysql://u:{SECRET}@h/d"\n'
    )
    (domain,) = config.domains
    assert isinstance(domain.private_key, bytes)
    assert SECRET.encode() in domain.private_key
    assert domain.private_key_passphrase == SECRET.encode()
    assert SECRET not in repr(config)
    assert SECRET not in str(config)
