"""Reader of OpenSIPS scripts: what OpenSIPS reads, and the manual does not say."""

from __future__ import annotations

import pytest

from tests.unit.modparams import read, refused, tls
from tlsmgm._config.lexer import tokenize
from tlsmgm._config.opensips import read_script_text


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
