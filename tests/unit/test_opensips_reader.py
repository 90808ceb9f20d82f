"""Reader of OpenSIPS scripts: statements, parameters, messages, libraries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.modparams import read, refused, tls
from tlsmgm._config.opensips import read_script_text
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm.errors import ConfigError

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
