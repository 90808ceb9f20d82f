"""Reader of OpenSIPS scripts: tokens, and any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modparams import refused
from tlsmgm._config.lexer import TokenKind, quote, tokenize
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script_text
from tlsmgm.errors import ConfigError


def texts(script: str) -> list[str]:
    return [token.text for token in tokenize(script, "x.cfg")]


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
