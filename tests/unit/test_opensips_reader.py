"""Reader of OpenSIPS scripts: lexer, statements, parameters, messages, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsmgm._config import statements
from tlsmgm._config.lexer import TokenKind, quote, tokenize
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script, read_script_text
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm.errors import ConfigError


def texts(script: str) -> list[str]:
    return [token.text for token in tokenize(script, "x.cfg")]


def tls(*parameters: tuple[str, str | int]) -> str:
    return "\n".join(
        f'modparam("tls_mgm", "{name}", {value if isinstance(value, int) else quote(value)})'
        for name, value in parameters
    )


def read(*parameters: tuple[str, str | int], path: str = "x.cfg") -> Configuration:
    return read_script_text(tls(*parameters), path)


def refused(script: str, path: str = "x.cfg") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_script_text(script, path)
    return caught.value


# Lexer.


def test_tokens() -> None:
    script = """
        #!define X "not a string
        a=b; # comment with " and '
        /* block " ' { */ c("d\\"e", 'f\\', -7)
        http://host/path $avp(x) $(ru{re.subst,/"}'/x/g}) $("""
    assert texts(script) == [
        "a", "=", "b", ";", "c", "(", 'd"e', ",", "f\\", ",", "-7", ")",
        "http://host/path", "$avp", "(", "x", ")", "$(ru{re.subst,/\"}'/x/g})", "$", "(",
    ]  # fmt: skip


def test_lines_and_escapes() -> None:
    tokens = list(tokenize('"a\nb" /*\n\n*/ c\n\'\n\' d "\\n\\t\\\\\\d\\"" ""', "f"))
    assert [(token.text, token.line) for token in tokens] == [
        ("a\nb", 1), ("c", 4), ("\n", 5), ("d", 6), ('\n\t\\\\d"', 6), ("", 6),
    ]  # fmt: skip
    assert tokens[0].kind is TokenKind.STRING
    assert not tokens[0].is_mark("a\nb")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('\n"abc', 'x.cfg:2: string is not closed (it begins with ")'),
        ("'abc", "x.cfg:1: string is not closed (it begins with ')"),
        ("/* abc *", "x.cfg:1: comment is not closed (its */ is missing)"),
        ("\nroute { if {}\n", "x.cfg:2: block is not closed (its } is missing)"),
    ],
)
def test_what_is_never_closed(script: str, message: str) -> None:
    assert str(refused(script)) == message


@given(st.text())
def test_quoted_strings_come_back(text: str) -> None:
    (token,) = tokenize(quote(text), "f")
    assert (token.kind, token.text) == (TokenKind.STRING, text)


@given(st.text("\"'/*#\\{}()=,;$ \na[1", max_size=40))
def test_any_text_has_tokens_or_is_refused(text: str) -> None:
    try:
        tokens = list(tokenize(text, "f"))
    except ConfigError:
        return
    assert [token.line for token in tokens] == sorted(token.line for token in tokens)


FRAGMENTS = st.sampled_from(
    [
        "modparam", "(", ")", ",", '"tls_mgm"', '"server_domain"', '"d"', '"[d]*"', "1", "\n", "=",
        "socket", "tls:1.2.3.4:5061", "loadmodule", "include_file", "{", "}", '"', "'", "#", "/*",
        '"certificate"', '"match_ip_address"', '"tls_method"', ":", "listen", "import_file", "$(",
        '"usrloc|tls_m.*"', '"[[:alpha:]]{7}"', "*/", "\\\n", "5061-5063", ",5070", "${X}", "dnl",
        "proxy_protocol", "as", '"match_sip_domain"', '"[d]a,"', '"\\x2d\\055"', '"client_domain"',
    ]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=40).map(" ".join)))
def test_any_script_is_read_or_refused(script: str) -> None:
    try:
        config = read_script_text(script, "/nonexistent/x.cfg")
    except ConfigError:
        return
    assert isinstance(config, Configuration)


# Scripts as people write them.

VIRTUAL_HOSTING = """
socket=tls:10.0.0.10:5061
loadmodule "tls_openssl.so"
loadmodule "modules/tls_mgm.so"
modparam("tls_mgm", "client_sip_domain_avp", "tls_sip_dom")

modparam("tls_mgm", "server_domain", "atlanta")
modparam("tls_mgm", "match_ip_address", "[atlanta]10.0.0.10:5061, 10.0.0.11:5061")
modparam("tls_mgm", "match_sip_domain", "[atlanta]foo.com, bar.com, *.baz.com")
modparam("tls_mgm", "certificate", "[atlanta]/certs/atlanta/cert.pem")
modparam("tls_mgm", "private_key", "[atlanta]/certs/atlanta/key.pem")
modparam("tls_mgm", "ca_list", "[atlanta]/certs/wellknownCAs")
modparam("tls_mgm", "tls_method", "[atlanta]tlsv1")
modparam("tls_mgm", "verify_cert", "[atlanta]1")
modparam("tls_mgm", "require_cert", "[atlanta]1")

modparam("tls_mgm", "server_domain", "generic")  # no SNI
modparam("tls_mgm", "match_ip_address", "[generic]10.0.0.10:5061")
modparam("tls_mgm", "match_sip_domain", "[generic]none")

modparam("tls_mgm", "client_domain", "gw")
modparam("tls_mgm", "match_ip_address", "[gw]1.2.3.4:6677")
modparam("tls_mgm", "match_sip_domain", "[gw]*")
modparam("tls_mgm", "certificate", "[gw]gw.pem")
modparam("tls_mgm", "ciphers_list", "[gw]NULL")
modparam("tls_mgm", "dh_params", "[gw]dh.pem")
modparam("tls_mgm", "ec_curve", "[gw]prime256v1")
modparam("tls_mgm", "crl_dir", "[gw]crls")
modparam("tls_mgm", "crl_check_all", "[gw]2")
modparam("tls_mgm", "ca_dir", "[gw]cas/")
modparam("tls_mgm", "verify_cert", "[gw]0")
route{
    $avp(tls_sip_dom) = $rd;
    modparam("tls_mgm", "server_domain", "hidden");
    xlog("}}} modparam(\\"tls_mgm\\", \\"x\\", 1)\\n"); if (1) { t_relay("tls:1.2.3.4:6677"); }
    exit;
}
"""


def test_virtual_hosting() -> None:
    config = read_script_text(VIRTUAL_HOSTING, "/etc/opensips/opensips.cfg")
    assert config.domains == (
        Domain(
            "atlanta",
            "server",
            match_ip_address="10.0.0.10:5061,10.0.0.11:5061",
            match_sip_domain="foo.com,bar.com,*.baz.com",
            method="TLSv1",
            certificate="/certs/atlanta/cert.pem",
            private_key="/certs/atlanta/key.pem",
            ca_list="/certs/wellknownCAs",
        ),
        Domain(
            "generic",
            "server",
            match_ip_address="10.0.0.10:5061",
            match_sip_domain="none",
            certificate="/etc/opensips/tls/cert.pem",
            private_key="/etc/opensips/tls/ckey.pem",
        ),
        Domain(
            "gw",
            "client",
            match_ip_address="1.2.3.4:6677",
            verify_cert=False,
            certificate="/etc/opensips/gw.pem",
            cipher_list="NULL",
            dh_params="/etc/opensips/dh.pem",
            ec_curve="prime256v1",
            crl_dir="/etc/opensips/crls",
            crl_check_all=True,
            ca_dir="/etc/opensips/cas/",
        ),
    )
    assert [domain.origin and domain.origin.line for domain in config.domains] == [7, 17, 21]
    assert config.client_sip_domain_avp == "tls_sip_dom"
    assert config.client_tls_domain_avp is None
    assert config.loaded_modules == ("tls_openssl", "tls_mgm")
    assert config.resolve_library() == "openssl"
    assert config.warnings == ()
    certificate = config.origin_of(config.domains[0], "certificate")
    assert str(certificate) == "/etc/opensips/opensips.cfg:10"
    assert config.origin_of(config.domains[1], "certificate") == config.domains[1].origin


OLD_STYLE = """
log_level=3
check_via=no
socket=udp:your_serv_IP:5060
socket=tls:your_serv_IP:5061
udp_workers=4
loadmodule "proto_tls.so"
loadmodule "tls_mgm.so"
modparam("tls_mgm", "certificate", "/path/cert.pem")
modparam("tls_mgm", "private_key", "/path/key.pem")
modparam("tls_mgm", "ca_list", "/path/calist.pem")
modparam("tls_mgm", "ca_list", "/path/calist.pem")
modparam("tls_mgm", "require_cert", "1")
modparam("tls_mgm", "verify_cert", "1")
alias=_DNS_ALIAS_
modparam("auth_db", "calculate_ha1", 1)
route{
  if (!mf_process_maxfwd_header("10")) {
      send_reply(483,"Too Many Hops");
      exit;
  };
  if ( is_method("INVITE|SUBSCRIBE")
  && !(is_myself("$si")) ) {
      if  (!(proxy_authorize( "domA.net"/*no-qop*/, "subscriber" ))) { exit; };
  }; # non-REGISTER from other domain
  append_hf("Alert-info: http://foo.bar/x.wav\\r\\n");  # snom
  #end of script
}
"""


def test_old_style_script_makes_default_domains() -> None:
    config = read_script_text(OLD_STYLE)
    common: dict[str, Any] = {
        "certificate": "/path/cert.pem",
        "private_key": "/path/key.pem",
        "ca_list": "/path/calist.pem",
    }
    assert config.domains == (
        Domain("default", "server", **common),
        Domain("default", "client", require_cert=True, **common),
    )
    assert [(socket.protocol, socket.host) for socket in config.sockets] == [
        ("udp", "your_serv_IP"),
        ("tls", "your_serv_IP"),
    ]
    assert config.warnings == ()
    with pytest.raises(ConfigError, match="neither tls_openssl nor tls_wolfssl"):
        config.resolve_library()


def test_defaults_hold_for_domains_before_and_after() -> None:
    config = read(
        ("server_domain", "a"),
        ("verify_cert", 0),
        ("tls_method", "TLSv1_2"),
        ("match_ip_address", "[::1]:5061"),
        ("server_domain", "b"),
        ("tls_method", "[b]TLSv1_3"),
    )
    assert [domain.verify_cert for domain in config.domains] == [False, False]
    assert [domain.method for domain in config.domains] == ["TLSv1_2", "TLSv1_3"]
    assert [domain.match_ip_address for domain in config.domains] == [("[::1]:5061",)] * 2


def test_nothing_written_makes_no_domain() -> None:
    config = read_script_text('modparam("tls_mgm", "db_url", "mysql://u:secret@h/db")')
    assert config.domains == ()
    assert config.database is not None
    assert config.database.url == "mysql+pymysql://u:secret@h/db"
    assert "secret" not in repr(config)


def test_database_and_names() -> None:
    config = read(
        ("db_url", "sqlite:///x/y"),
        ("db_table", "t"),
        ("ciphers_list_col", "c1"),
        ("type_col", "kind"),
        ("client_tls_domain_avp", "$avp(dom)"),
        ("tls_library", "WolfSSL"),
    )
    database = config.database
    assert database is not None
    assert (database.url, database.table) == ("sqlite:////x/y", "t")
    assert database.columns == {"cipher_list": "c1", "type": "kind"}
    assert database.origin == Origin("x.cfg", 1)
    assert config.client_tls_domain_avp == "dom"
    assert config.tls_library == "wolfssl"


def test_values_of_other_modules_are_passed_over() -> None:
    config = read_script_text(
        """
        modparam("usrloc|tm", "nonsense", 1)
        modparam("tm", , )
        modparam(
        "usrloc", "db_mode", -1)
        tls_mgm modparam "x" loadmodule 7 socket
        """
    )
    assert (config.domains, config.sockets) == ((), ())


# Sockets and timeouts.


def test_sockets() -> None:
    config = read_script_text(
        """
        socket= tls:1.2.3.4:5061 use_workers 4 as 5.6.7.8:5062
        socket = tls : [::1] : 7061
        listen=wss:*
        socket=tls:*:5061  # all
        socket=hep_tls:eth0:9062
        listen=127.0.0.1:5070
        listen="udp:10.0.0.1"
        socket=tls:2001:db8::1
        socket=udp:1:2:3:4 ; socket=tcp:10.0.0.2:99999
        socket=TLS:10.0.0.9
        modparam("proto_tls", "tls_port", 5099)
        route { socket=tls:9.9.9.9:9999 }
        """,
        "x.cfg",
    )
    assert [(s.protocol, s.host, s.port, s.origin.line) for s in config.sockets] == [
        ("tls", "1.2.3.4", 5061, 2),
        ("tls", "::1", 7061, 3),
        ("wss", "*", 443, 4),
        ("tls", "*", 5061, 5),
        ("hep_tls", "eth0", 9062, 6),
        ("any", "127.0.0.1", 5070, 7),
        ("udp", "10.0.0.1", 5060, 8),
        ("tls", "2001:db8::1", 5099, 9),
        ("tls", "10.0.0.9", 5099, 11),
    ]
    assert [s.is_tls for s in config.sockets][:3] == [True, True, True]
    assert not config.sockets[6].is_tls


@pytest.mark.parametrize(
    "value", ["tls:", "tls:1.2.3.4:0", "tls:1.2.3.4:70000", "tls:[::g]:1", "tls:a:b", "tls:1:2:3"]
)
def test_bad_tls_sockets(value: str) -> None:
    assert str(refused(f"\nsocket={value}\n")).startswith(f"x.cfg:2: bad socket {value!r}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("tls:1.2.3.4:0", "ports go from 1 to 65535"),
        ("tls:1.2.3.4:70000", "ports go from 1 to 65535"),
        ("wss:1.2.3.4:5063-5061", "from the lower to the higher one"),
        ("bins:a:b", "(write bins:10.0.0.10:5556)"),
        ("tls:9443", "'9443' is no host (write tls:*:9443)"),
        ("WSS:any:443", "'any' is no host (write wss:*:443)"),
        ("tls:any", "'any' is no host (write tls:*)"),
        ("tls:::1:6743", "6743 may be a port, or the end of an address (write tls:[::1]:6743, or"),
        ("tls:2001:db8::a:5061", "(write tls:[2001:db8::a]:5061, or tls:[2001:db8::a:5061])"),
        ("tlss:1.2.3.4:5061", "there is no protocol 'tlss' (did you mean 'tls'?)"),
        ("hep-tls:eth0:9061", "there is no protocol 'hep-tls' (did you mean 'hep_tls'?)"),
    ],
)
def test_sockets_that_say_something_else(value: str, message: str) -> None:
    error = str(refused(f"\nsocket={value}\n"))
    assert error.startswith(f"x.cfg:2: bad socket {value!r}")
    assert message in error


@pytest.mark.parametrize("value", ["1.2.3.4:5061", "[::1]:5061", "eth0", "any:1.2.3.4:5061"])
@pytest.mark.parametrize("word", ["socket", "listen"])
def test_sockets_without_protocol_are_told(value: str, word: str) -> None:
    config = read_script_text(f"\n{word}={value}\n", "x.cfg")
    assert [socket.is_tls for socket in config.sockets] == [False]
    (warning,) = config.warnings
    assert warning.startswith(f"x.cfg:2: socket {value!r} names no protocol")
    assert f"write tls:{value.removeprefix('any:')}" in warning


@pytest.mark.parametrize(
    "value", ["udp:1.2.3.4:5060", "ipsec:eth0:5062", "tls:::1", "tls:2001:db8::5061"]
)
def test_sockets_that_need_no_warning(value: str) -> None:
    config = read_script_text(f"socket={value}\n")
    assert (len(config.sockets), config.warnings) == (1, ())


@pytest.mark.parametrize(
    ("written", "port"),
    [("5062", 5062), ('"5062"', 5062), ("0x13c6", 5062), ("011706", 5062), ("+5062", 5062),
     ("yes", 1), ("enable", 1)],
)  # fmt: skip
def test_numbers_are_those_of_the_lexer(written: str, port: int) -> None:
    text = f'modparam("proto_tls", "tls_port", {written})\nsocket=tls:10.0.0.1\n'
    (socket,) = read_script_text(text).sockets
    assert socket.port == port


@pytest.mark.parametrize("value", ["5s", "0x", "09", "1.5", "$var(x)", ""])
def test_numbers_that_are_none(value: str) -> None:
    assert "x.cfg:1: malformed modparam" in str(
        refused(f'modparam("proto_tls", "tls_handshake_timeout", {value})')
    )


@pytest.mark.parametrize(
    "module",
    ["tls_mgm.so", " tls_mgm", "tls-mgm", "tlsmgm", "TLS_MGMT", "x|tls_mg", "modules/tls_mgm"],
)
def test_a_misspelt_module_is_no_other_module(module: str) -> None:
    config = read_script_text(f'\nmodparam("{module}", "db_url", "mysql://u:p@h/d")', "x.cfg")
    (warning,) = config.warnings
    assert warning.startswith(f"x.cfg:2: modparam of {module!r} is passed over")
    assert config.database is None


@pytest.mark.parametrize("module", ["tcp_mgm", "sockets_mgm", "tls_openssl", "tls", "mi_http", ""])
def test_other_modules_are_other_modules(module: str) -> None:
    assert not read_script_text(f'modparam("{module}", "x", "y")').warnings


@pytest.mark.parametrize(
    "line",
    ['MODPARAM("tls_mgm", "server_domain", "d")', 'LoadModule "tls_openssl.so"',
     'Include_File "x.cfg"', "SOCKET=tls:10.0.0.1:5061"],
)  # fmt: skip
def test_words_count_in_lower_case_only(line: str) -> None:
    error = str(refused(f"\n{line}\n"))
    assert error.startswith("x.cfg:2: ")
    assert "is no word of a script (write '" in error


def test_timeouts() -> None:
    assert read_script_text("tls_handshake_timeout=30").handshake_timeout == 30
    config = read_script_text(
        'modparam("proto_tls", "tls_handshake_timeout", 300)\n'
        'modparam("tls_mgm", "tls_send_timeout", "2000")'
    )
    assert (config.handshake_timeout, config.send_timeout) == (0.3, 2.0)
    assert str(refused("tls_send_timeout=soon")) == (
        "x.cfg:1: parameter 'tls_send_timeout': must be an unsigned number, not 'soon'"
    )
    refused('modparam("proto_tls", "tls_handshake_timeout", 0)')
    refused('modparam("proto_tls", "tls_port", 70000)')


# Messages.


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (("certificat", "[d]x"), "parameter 'certificat': unknown parameter 'certificat' (did you"
         " mean 'certificate'?)"),
        (("certificate", "[dd]x"), "parameter 'certificate': unknown domain 'dd' (did you mean"),
        (("certificate", "[zz]x"), "unknown domain 'zz' (define it above by server_domain or"),
        (("certificate", "[]x"), "unknown domain ''"),
        (("certificate", "[d] "), "domain 'd': parameter 'certificate': is empty"),
        (("certificate", ""), "parameter 'certificate': is empty"),
        (("certificate", 5), "parameter 'certificate': must be text in quotes, not the number 5"),
        (("verify_cert", "[d]yes"), "domain 'd': parameter 'verify_cert': must be an unsigned"),
        (("verify_cert", "[d]-1"), "must be an unsigned number, not '-1'"),
        (("verify_cert", -1), "must be an unsigned number, not -1"),
        (("verify_cert", "[d]"), "domain 'd': parameter 'verify_cert': is empty"),
        (("verify_cert", "[d]4294967296"), "must be an unsigned number"),
        (("tls_method", "[d]TLSv1_1"), "domain 'd': parameter 'tls_method': unknown method"),
        (("match_ip_address", "[d]1.2.3.4"), "parameter 'match_ip_address': bad address '1.2.3.4'"),
        (("match_ip_address", "[e]1.2.3.4:5"), "unknown domain 'e'"),
        (("match_sip_domain", "[d],,"), "domain 'd': parameter 'match_sip_domain': is empty"),
        (("cipher_list", "[d]!"), "domain 'd': parameter 'cipher_list': bad word '!'"),
        (("server_domain", " d "), "server domain 'd' is already defined at x.cfg:1"),
        (("tls_library", "gnutls"), "(known: auto, none, openssl, wolfssl)"),
        (("verify_cert", "[d]yes"), "not 'yes' (write 0 or 1)"),
        (("match_sip_domain", "[d]a b"), "(names are separated by commas)"),
        (("server_domain", ""), "parameter 'server_domain': is empty"),
        (("server_domain", "e=10.0.0.1:5061"), "is the old form of a definition (define 'e' and"),
        (("tls_library", "gnutls"), "parameter 'tls_library': unknown library 'gnutls'"),
        (("db_url", "mysql://u:secret@h/d?tls_domain=d"), "parameter 'db_url': 'tls_domain='"),
        (("db_table", " "), "parameter 'db_table': is empty"),
    ],
)  # fmt: skip
def test_messages(parameter: tuple[str, str | int], message: str) -> None:
    error = refused(tls(("server_domain", "d"), parameter))
    assert str(error).startswith("x.cfg:2: ")
    assert message in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "call",
    [
        'modparam("tls_mgm", "server_domain")',
        'modparam("tls_mgm", "server_domain", d)',
        'modparam("tls_mgm", "server_domain", "d"',
        'modparam("tls_mgm", "server_domain" "d")',
        'modparam("tls_mgm", server_domain, "d")',
        'modparam("tls_mgm", "server_domain", "d", "e")',
        'modparam("tls_mgm")',
    ],
)
def test_malformed_modparam(call: str) -> None:
    assert str(refused("\n" + call)).startswith("x.cfg:2: malformed modparam")


@pytest.mark.parametrize("kinds", [("server", "client"), ("client", "server")])
def test_server_and_client_of_one_name(kinds: tuple[str, str]) -> None:
    config = read(
        (f"{kinds[0]}_domain", "d"),
        (f"{kinds[1]}_domain", "d"),
        ("tls_method", "[d]TLSv1_3"),
    )
    methods = {domain.kind: domain.method for domain in config.domains}
    assert methods == {"server": "TLSv1_3", "client": "SSLv23"}
    assert "from here on [d] is the server domain" in config.warnings[0]


def test_a_client_domain_has_its_name_until_a_server_domain_takes_it() -> None:
    config = read(
        ("client_domain", "d"),
        ("tls_method", "[d]TLSv1_2"),
        ("server_domain", "d"),
        ("tls_method", "[d]TLSv1_3"),
    )
    assert [(d.kind, d.method) for d in config.domains] == [
        ("client", "TLSv1_2"),
        ("server", "TLSv1_3"),
    ]


# What OpenSIPS reads, and the manual does not say.


@pytest.mark.parametrize(
    "module",
    [
        "auth_db|permissions|domain|usrloc|tls_mgm",
        "tls_mgm|usrloc",
        "TLS_MGM",
        "tls_.*",
        "tls_mg.",
        "(tls|x)_[[:alpha:]]{3}",
        ".*",
    ],
)
def test_a_module_is_a_regular_expression(module: str) -> None:
    config = read_script_text(f'modparam("{module}", "db_url", "postgres://u:p@192.0.2.1/x")')
    assert config.database is not None


@pytest.mark.parametrize("module", ["tls", "mgm", "xtls_mgm", "usrloc|tls_mgmt", "tls_mgm2", ""])
def test_a_regular_expression_fits_the_whole_name(module: str) -> None:
    config = read_script_text(f'modparam("{module}", "db_url", "postgres://u:p@192.0.2.1/x")')
    assert config.database is None


def test_parameters_of_several_modules() -> None:
    config = read_script_text(
        'modparam("proto_tls|proto_wss", "tls_handshake_timeout", 300)\n'
        'modparam("proto_(tls|bins)", "tls_port", 5099)\n'
        "socket=tls:10.0.0.1"
    )
    assert config.handshake_timeout == 0.3
    assert config.sockets[0].port == 5099
    error = refused('modparam("usrloc|tls_mgm", "db_mode", 2)')
    assert "is a parameter of OpenSIPS 2 (leave it out" in str(error)
    assert "unknown parameter" in str(refused('modparam("tm|tls_mgm", "fr_timeout", 5)'))
    assert "malformed modparam" in str(refused('modparam("tm|tls_mgm", x, 5)'))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("tls_mgm(", "'(' is not closed"),
        ("[tls_mgm", "'[' is not closed"),
        ("*", "'*' repeats nothing"),
        ("a{2", "no number of times"),
        ("(" * 60 + ")" * 60, "groups in each other"),
        ("a" + "*" * 60, "repetitions of one another"),
        ("(a|" * 300, "expression of 900 characters"),
    ],
)
def test_what_is_no_regular_expression(module: str, reason: str) -> None:
    error = refused(f'\nmodparam("{module}", "x", 1)')
    assert str(error).startswith("x.cfg:2: the module's name is ")
    assert reason in str(error)


def test_a_hostile_regular_expression_takes_reasonable_time() -> None:
    for module in ("(a*)*" * 90, "(" * 40 + "(l|t)" + ")*" * 40 + "$", "(.{255}){255}" * 9 + "x"):
        assert read_script_text(f'modparam("{module}", "db_url", "x")').database is None


def test_comments_nest() -> None:
    script = """
        /* switched off /* the old trunk */
        modparam("tls_mgm", "server_domain", "old") */
        modparam("tls_mgm", "server_domain", "new")  /*/ * /* **/ */
    """
    assert [domain.name for domain in read_script_text(script).domains] == ["new"]
    error = refused("\n/* a /* b */")
    assert str(error) == "x.cfg:2: comment is not closed (comments nest: each /* needs its own */)"


def test_strings_side_by_side_are_one_value() -> None:
    config = read_script_text(
        """modparam("tls_mgm", "server_domain", "d" 'e')
        modparam("tls_mgm", "ciphers_list", "[de]ECDHE+AESGCM:"  # the best
            "DHE+AESGCM"
            ":!aNULL")
        """
    )
    assert config.domains[0].name == "de"
    assert config.domains[0].cipher_list == "ECDHE+AESGCM:DHE+AESGCM:!aNULL"


def test_escapes() -> None:
    tokens = list(tokenize('"a\\x2db\\055c\\101\\xC3\\xBC\\xfg\\1\\08" "x\\\ny" "\\777"', "f"))
    assert [token.text for token in tokens] == ["a-b-cAü\x0fg\\1\\08", "xy", "\udcff"]
    assert "NUL byte" in str(refused('"a\\x00b"'))


def test_a_backslash_ends_no_line() -> None:
    config = read_script_text(
        'modparam("tls_mgm",\\\n"server_domain", \\\r\n"d")\n'
        "socket=tls:10.0.0.1:\\\n5062 \\\n tag x"
    )
    assert [domain.name for domain in config.domains] == ["d"]
    assert [socket.port for socket in config.sockets] == [5062]


def test_repeated_filters_add_up() -> None:
    config = read(
        ("server_domain", "d"),
        ("match_sip_domain", "[d]a.example"),
        ("match_sip_domain", "[d]b.example, *.c.example"),
        ("match_ip_address", "[d]10.0.0.1:5061"),
        ("match_ip_address", "[d]*"),
    )
    (domain,) = config.domains
    assert domain.match_sip_domain == ("a.example", "b.example", "*.c.example")
    assert domain.match_ip_address == ("10.0.0.1:5061", "*")
    assert config.warnings == ()


def test_filters_that_say_more_than_they_mean() -> None:
    config = read(
        ("server_domain", "d"),
        ("match_sip_domain", "[d]a.example,"),
        ("match_ip_address", "[d]*:5061"),
    )
    (domain,) = config.domains
    assert domain.match_sip_domain == ("a.example",)
    assert domain.match_ip_address == ("*",)
    assert [warning.partition("parameter ")[2] for warning in config.warnings] == [
        "'match_sip_domain': empty entries in the list 'a.example,' are passed over",
        "'match_ip_address': '*:5061' is every address, as OpenSIPS reads it",
    ]


def test_ports_of_a_socket() -> None:
    config = read_script_text(
        """
        socket=tls:10.0.0.1:5061-5063
        socket=tls:[::1]:5061 - 5062, 5065,5070-5071 as 192.0.2.1:6000-6001,6002
        socket=wss:eth0:443 allow_proxy_protocol tos 8
        socket=udp:10.0.0.1:10000-10001
        socket=bond:pair { "a", "b" }
        socket=udp:10.0.0.1:9-8
        tls_handshake_timeout=4
        """,
        "x.cfg",
    )
    assert [(s.host, s.port) for s in config.sockets if s.is_tls] == [
        *[("10.0.0.1", port) for port in (5061, 5062, 5063)],
        *[("::1", port) for port in (5061, 5062, 5065, 5070, 5071)],
        ("eth0", 443),
    ]
    assert [s.port for s in config.sockets if s.protocol == "udp"] == [10000, 10001]
    assert config.handshake_timeout == 4
    (warning,) = config.warnings
    assert warning.startswith("x.cfg:4: 'allow_proxy_protocol' of a socket is passed over")
    too_many = "socket=tls:*:1-65535\n" * 2
    assert "more than 100000 sockets" in str(refused(too_many))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("socket=tls:${LISTEN_IP}:5061 as ${PUBLIC_IP}:5061", "${LISTEN_IP} was not expanded"),
        ("socket=tls:@IP@:5061", "@IP@ was not expanded"),
        ("socket=tls:{{ ip }}:5061", "a macro or template was not expanded"),
        ("dnl the carrier's list", "a macro or template was not expanded"),
        ("route { \n dnl don't\n }", "a macro or template was not expanded"),
        ("define(`IP', `10.0.0.1')", "a macro or template was not expanded"),
        (tls(("server_domain", "${NAME}")), "${NAME} was not expanded"),
        (tls(("server_domain", "d"), ("match_ip_address", "[d]${IP}:5061")), "${IP} was not expa"),
        (tls(("server_domain", "d"), ("match_sip_domain", "[d]{{ h }}")), "{{ h }} was not expand"),
        ("tls_certificate = \"/x.pem\"", "is a setting of OpenSIPS 1"),
        ("tls_server_domain[10.0.0.1:5061] { }", "is a setting of OpenSIPS 1"),
        (tls(("address_col", "a")), "is a parameter of OpenSIPS 2"),
        ("socket=\nloadmodule \"x.so\"", "socket has no value"),
    ],
)  # fmt: skip
def test_what_was_not_expanded_or_is_of_old_times(script: str, message: str) -> None:
    assert message in str(refused(script))


def test_paths_that_look_like_variables_are_told() -> None:
    config = read(("server_domain", "d"), ("ca_list", "[d]/etc/${NAME}.pem"))
    assert config.domains[0].ca_list == "/etc/${NAME}.pem"
    assert "${NAME} is taken as it stands" in config.warnings[0]
    assert read_script_text("$define(x) dst_blacklist = gw:{ (tcp, 1) }").warnings == ()


def test_values_set_twice() -> None:
    config = read(("server_domain", "d"), ("ca_list", "[d]a"), ("ca_list", "[d]b"))
    assert config.domains[0].ca_list == "b"
    assert config.warnings == (
        "x.cfg:3: domain 'd': parameter 'ca_list' is set again; the value of x.cfg:2 is dropped",
    )
    assert read_script_text("}").warnings == ("opensips.cfg:1: '}' closes nothing",)


# Libraries.


@pytest.mark.parametrize(
    ("written", "modules", "answer"),
    [
        (None, ["tls_openssl"], "openssl"),
        ("auto", ["/usr/lib/tls_wolfssl.so", "tm.so"], "wolfssl"),
        ("none", [], "none"),
        ("openssl", ["tls_openssl.so", "tls_wolfssl.so"], "openssl"),
        ("wolfssl", ["tls_openssl.so"], "module 'tls_wolfssl' is not loaded"),
        (None, [], "neither"),
        (None, ["tls_openssl.so", "tls_wolfssl.so"], "both"),
    ],
)
def test_libraries(written: str | None, modules: list[str], answer: str) -> None:
    script = "".join(f'loadmodule "{module}"\n' for module in modules)
    script += tls(("tls_library", written)) if written else ""
    config = read_script_text(script)
    if " " in answer or answer in ("neither", "both"):
        with pytest.raises(ConfigError, match=answer):
            config.resolve_library()
    else:
        assert config.resolve_library() == answer


# Files.


def test_included_files(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "tls.cfg").write_text(
        'include_file "../more.cfg"\n' + tls(("certificate", "[d]c.pem"))
    )
    (tmp_path / "more.cfg").write_text(tls(("server_domain", "d")))
    main = tmp_path / "opensips.cfg"
    main.write_text(
        'import_file "absent.cfg"\ninclude_file "conf/tls.cfg"\n'
        'route { include_file "absent.cfg" }\n' + tls(("private_key", "[d]k.pem"))
    )
    config = read_script(main)
    (domain,) = config.domains
    assert domain.certificate == str(tmp_path / "c.pem")
    assert domain.private_key == str(tmp_path / "k.pem")
    assert str(domain.origin).endswith("more.cfg:1")
    assert str(config.origin_of(domain, "certificate")).endswith("conf/tls.cfg:2")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    main = tmp_path / "opensips.cfg"
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        read_script(main)
    with pytest.raises(ConfigError, match=r"cannot read .*directory"):
        read_script(tmp_path)
    main.write_text('\ninclude_file "absent.cfg"')
    with pytest.raises(ConfigError, match=r"opensips\.cfg:2: cannot read"):
        read_script(main)
    assert "without a file name" in str(refused("include_file x"))
    assert "cannot read" in str(refused('include_file "a\0b"'))


def test_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text('include_file "b.cfg"')
    (tmp_path / "b.cfg").write_text('\ninclude_file "./a.cfg"')
    with pytest.raises(ConfigError, match=r"b\.cfg:2: '.*a\.cfg' includes itself"):
        read_script(tmp_path / "a.cfg")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for depth in range(22):
        (tmp_path / f"{depth}.cfg").write_text(f'import_file "{depth + 1}.cfg"')
    assert read_script(tmp_path / "1.cfg").domains == ()
    with pytest.raises(ConfigError, match="include each other 21 deep"):
        read_script(tmp_path / "0.cfg")
    monkeypatch.setattr(statements, "MAX_FILES", 3)
    (tmp_path / "many.cfg").write_text('include_file "21.cfg"\n' * 3)
    with pytest.raises(ConfigError, match="more than 3 files"):
        read_script(tmp_path / "many.cfg")
    monkeypatch.setattr(statements, "MAX_FILE_SIZE", 10)
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        read_script(tmp_path / "0.cfg")


def test_files_that_are_not_utf8(tmp_path: Path) -> None:
    main = tmp_path / "opensips.cfg"
    script = b'\xef\xbb\xbf# \xe4\n modparam("tls_mgm", "certificate", "/k\xe4se.pem")'
    main.write_bytes(script)
    certificate = read_script(main).domains[0].certificate
    assert isinstance(certificate, str)
    assert certificate.encode("utf-8", "surrogateescape") == b"/k\xe4se.pem"
    main.write_bytes(b'modparam("tls_mgm", "server_domain", "k\xe4se")')
    with pytest.raises(ConfigError, match="cannot be printed"):
        read_script(main)


def test_large_and_hostile_files_take_reasonable_time() -> None:
    assert read_script_text("$(" * 100_000).domains == ()
    assert read_script_text("route {" + "{" * 50_000 + "}" * 50_001).domains == ()
    script = "".join(
        tls(("server_domain", f"d{n}"), ("match_sip_domain", f"[d{n}]h{n}.example")) + "\n"
        for n in range(2000)
    )
    assert len(read_script_text(script).domains) == 2000
