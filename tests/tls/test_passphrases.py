"""Encrypted private keys: a passphrase, who is asked for it, and what is said when it is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.pairs import managers
from tests.support.pki import Authority, Identity, key_pem
from tlsmgm import ConfigError, Domain, TLSManager

WORD = "open sesame"


@pytest.fixture
def encrypted(site: Identity) -> dict[str, Any]:
    return site.fields() | {"private_key": key_pem(site.key, WORD.encode())}


def command(tmp_path: Path, program: str) -> str:
    path = tmp_path / "ask.py"
    path.write_text(program)
    return f"'{sys.executable}' '{path}' a\\ b"


def connect(library: str, fields: dict[str, Any], root: Authority) -> None:
    managers(library, library, server=fields, client={"ca_list": root.pem}).connect().echo()


@pytest.mark.parametrize("answer", [WORD, WORD.encode()])
def test_a_function_is_asked(
    library: str, encrypted: dict[str, Any], root: Authority, answer: str | bytes
) -> None:
    asked = []

    def ask() -> str | bytes:
        asked.append(True)
        return answer

    connect(library, encrypted | {"private_key_passphrase": ask}, root)
    assert asked == [True]


def test_a_command_is_asked(
    library: str, encrypted: dict[str, Any], root: Authority, tmp_path: Path
) -> None:
    """It gets its words as they are, and only its first line counts."""
    program = f"import sys\nassert sys.argv[1:] == ['a b']\nprint({WORD!r})\nprint('more')"
    connect(
        library, encrypted | {"private_key_passphrase_command": command(tmp_path, program)}, root
    )


def test_a_passphrase_comes_before_the_command(
    library: str, encrypted: dict[str, Any], root: Authority, tmp_path: Path
) -> None:
    fields = {
        "private_key_passphrase": WORD,
        "private_key_passphrase_command": command(tmp_path, "raise SystemExit(1)"),
    }
    connect(library, encrypted | fields, root)


def test_it_is_asked_again_when_something_changes(
    library: str, encrypted: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("certificate", "private_key"):
        (tmp_path / f"{name}.pem").write_bytes(encrypted[name])
    log = tmp_path / "asked"
    words = command(tmp_path, f"open({str(log)!r}, 'a').write('x')\nprint({WORD!r})")
    (tmp_path / "tlsmgm.toml").write_text(
        '[server.a]\ncertificate = "certificate.pem"\nprivate_key = "private_key.pem"\n'
        f'verify_cert = false\nprivate_key_passphrase_command = """{words}"""\n'.replace(
            "\\", "\\\\"
        )
    )
    manager = TLSManager.from_toml(tmp_path / "tlsmgm.toml", library)
    assert manager.reload().changed == ()
    assert log.read_text() == "x"
    (tmp_path / "private_key.pem").write_bytes(encrypted["private_key"] + b"\n")
    assert manager.reload().changed == ("a",)
    assert log.read_text() == "xx"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("", "prints nothing"),
        ("print()", "prints nothing"),
        ("print('hunter2')", "pass phrase is wrong"),
    ],
)
def test_commands_that_fail(
    library: str, encrypted: dict[str, Any], tmp_path: Path, program: str, why: str
) -> None:
    fields = {"private_key_passphrase_command": command(tmp_path, program)}
    with pytest.raises(ConfigError, match=why) as caught:
        managers(library, library, server=encrypted | fields)
    assert "domain 'dom1'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "why"), [("/no/such/program", "No such file"), ("'", "words")])
def test_what_is_no_command(library: str, encrypted: dict[str, Any], text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"'private_key_passphrase_command'.*{why}"):
        managers(library, library, server=encrypted | {"private_key_passphrase_command": text})


def fails() -> str:
    raise RuntimeError(WORD)


@pytest.mark.parametrize(
    "function", [fails, lambda: 5, lambda: "wrong"], ids=["raises", "5", "wrong"]
)
def test_functions_that_fail(library: str, encrypted: dict[str, Any], function: Any) -> None:
    with pytest.raises(ConfigError, match="domain 'dom1'") as caught:
        managers(library, library, server=encrypted | {"private_key_passphrase": function})
    assert WORD not in str(caught.value)
    assert caught.value.__cause__ is None


def test_python_s_own_ssl_asks_too(encrypted: dict[str, Any], tmp_path: Path) -> None:
    for fields in (
        {"private_key_passphrase": lambda: WORD},
        {"private_key_passphrase_command": command(tmp_path, f"print({WORD!r})")},
    ):
        Domain("a", "server", verify_cert=False, **(encrypted | fields)).ssl_context()


def test_a_function_is_not_shown(encrypted: dict[str, Any]) -> None:
    text = repr(Domain("a", "server", private_key_passphrase=fails))
    assert "private_key_passphrase=<set>" in text
