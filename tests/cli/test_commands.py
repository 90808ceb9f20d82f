"""The commands match, list and check, and the frame around all commands."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import tlsmgm
from tests.support import ocsp
from tests.support.cases import load_cases, script_of
from tests.support.commands import Run
from tests.support.other_backends import forget_backends, use_contract, use_module
from tests.support.pki import Authority
from tests.support.proxy import ROOT, client_domain, pki, server_domain, write_script
from tlsmgm._checks import checks
from tlsmgm._cli import main
from tlsmgm._commands import COMMANDS

SERVER_CASES: list[dict[str, Any]] = load_cases("server_matching")
CLIENT_CASES: list[dict[str, Any]] = load_cases("client_matching")


# match


@pytest.mark.parametrize("number", range(0, len(SERVER_CASES), 3))
def test_match_gives_the_recorded_answers_for_servers(
    number: int, tmp_path: Path, run: Run
) -> None:
    case = SERVER_CASES[number]
    script = tmp_path / "opensips.cfg"
    script.write_text(script_of(case["params"]), encoding="utf-8")
    for query in case["queries"]:
        name = ["--no-sni"] if query["sni"] is None else ["--sni", query["sni"]]
        command = ["match", "--config", str(script), "--listen", query["listen"], *name, "--json"]
        code, out, _ = run(*command)
        assert json.loads(out)["domain"] == query["domain"]
        assert code == (query["domain"] is None)


@pytest.mark.parametrize("number", range(0, len(CLIENT_CASES), 3))
def test_match_gives_the_recorded_answers_for_clients(
    number: int, tmp_path: Path, run: Run
) -> None:
    case = CLIENT_CASES[number]
    script = tmp_path / "opensips.cfg"
    script.write_text(script_of(case["params"]), encoding="utf-8")
    for query in case["queries"]:
        sip = query["bavp_sip"] or query["avp_sip"]
        tls = query["bavp_tls"] or query["avp_tls"]
        command = ["match", "--config", str(script), "--dest", query["dst"], "--json"]
        command += [] if sip is None else ["--sip-domain", sip]
        command += [] if tls is None else ["--tls-domain", tls]
        code, out, _ = run(*command)
        assert json.loads(out)["domain"] == query["domain"], query
        assert code == (query["domain"] is None)


@pytest.fixture
def script(tmp_path: Path) -> str:
    return write_script(
        tmp_path / "opensips.cfg",
        ["socket=tls:10.0.0.10:5061"],
        server_domain(
            "dom1", match_ip_address="10.0.0.10:5061", match_sip_domain="a.test, *.b.test"
        ),
        server_domain("dom2", match_sip_domain="none", certificate="/no/such/file"),
        client_domain("out"),
        ['modparam("tls_mgm", "client_tls_domain_avp", "tls_dom")'],
    )


def test_match_says_which_filter_won(script: str, run: Run) -> None:
    code, out, err = run(
        "match", "--config", script, "--listen", "10.0.0.10:5061", "--sni", "X.B.TEST"
    )
    assert code == 0
    assert out.splitlines()[0] == "dom1"
    assert "by filter *.b.test" in out
    assert "by filter 10.0.0.10:5061" in out
    assert f"{script}:" in out
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--listen", "10.0.0.10:5061", "--sni", "c"], "none takes the name 'c'"),
        (["--listen", "10.0.0.11:5061", "--sni", "c"], "'dom2' have address '*'"),
        (["--listen", "10.0.0.10:5061", "--no-sni"], "a connection without name"),
        (["--dest", "10.0.0.10:5061", "--tls-domain", "x"], "no client domain called 'x'"),
    ],
)
def test_match_says_why_not(arguments: list[str], expected: str, script: str, run: Run) -> None:
    code, out, _ = run("match", "--config", script, *arguments)
    assert code == 1
    assert out.startswith("no domain: ")
    assert expected in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--listen", "10.0.0.10:5061"],
        ["--listen", "10.0.0.10", "--no-sni"],
        ["--listen", "*", "--no-sni"],
        ["--listen", "10.0.0.10:5061", "--sni", "a", "--no-sni"],
        ["--listen", "10.0.0.10:5061", "--dest", "10.0.0.10:5061"],
        ["--listen", "10.0.0.10:5061", "--sip-domain", "x", "--no-sni"],
        ["--dest", "10.0.0.10:5061", "--sni", "x"],
        ["--dest", "10.0.0.10:5061", "--sip-domain", "x"],
    ],
)
def test_match_usage(arguments: list[str], script: str, run: Run) -> None:
    code, out, err = run("match", "--config", script, *arguments)
    assert (code, out) == (2, "")
    assert "error: " in err


# list


def test_list(script: str, run: Run) -> None:
    code, out, _ = run("list", "--config", script)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == [
        "NAME", "KIND", "ADDRESSES", "NAMES", "METHOD", "VERIFY", "REQUIRE", "CERTIFICATE",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["out", "dom2", "dom1"]
    assert len({line.index("SSLv23") for line in lines[1:]}) == 1


def test_list_json_is_the_recorded_reply(tmp_path: Path, run: Run) -> None:
    case = SERVER_CASES[0]
    script = tmp_path / "opensips.cfg"
    script.write_text(script_of(case["params"]), encoding="utf-8")
    code, out, _ = run("list", "--config", str(script), "--json")
    assert code == 0
    names = [domain["name"] for domain in json.loads(out)["Domains"]]
    assert names == [domain["name"] for domain in case["tls_list"]["Domains"]]


# check


def private(path: str, folder: Path) -> str:
    """Copy a key so that nobody else can read it, whatever git made of the original."""
    copy = folder / Path(path).name
    shutil.copyfile(path, copy)
    os.chmod(copy, 0o600)
    return str(copy)


def test_check_of_a_good_script(library: str, tmp_path: Path, run: Run) -> None:
    key = private(pki("dom1.key"), tmp_path)
    script = write_script(tmp_path / "c", server_domain("dom1", private_key=key))
    code, out, err = run("check", "--config", script, "--library", library)
    assert (code, err) == (0, "")
    assert out == f"1 domain loaded with {library}: 0 errors, 0 warnings\n"


def test_check_finds_everything(library: str, tmp_path: Path, run: Run) -> None:
    key = private(pki("dom1.key"), tmp_path)
    os.chmod(key, 0o644)
    script = write_script(
        tmp_path / "c",
        ["socket=tls:10.0.0.10:5061"],
        server_domain("dom1", private_key=key, match_sip_domain="a.test"),
        server_domain("dom2", private_key=pki("dom3.key"), match_sip_domain="*.test"),
        server_domain("dom3", match_ip_address="10.0.0.9:5061", match_sip_domain="x"),
        server_domain("expired", match_sip_domain="a.test"),
        server_domain("dom5", match_sip_domain="q.*.test", cipher_list="NO-SUCH-CIPHER"),
        client_domain("out", ca_list="/no/such/file"),
    )
    code, out, _ = run("check", "--config", script, "--library", library, "--json")
    assert code == 1
    report = json.loads(out)
    assert report["ok"] is False
    assert report["libraries"] == [library]
    assert report["domains"] == 6
    found = {
        (item["severity"], item["check"], item["domain"])
        for item in report["findings"]
        if item["check"] != "key-file" or item["domain"] == "dom1"
    }
    assert found == {
        ("error", "load", "dom2"),
        ("error", "load", "dom5"),
        ("error", "load", "out"),
        ("error", "expiry", "expired"),
        ("warning", "key-file", "dom1"),
        ("warning", "shadowed", "dom1"),
        ("warning", "socket", "dom3"),
        ("warning", "server-name", None),
    }
    by_check = {(item["check"], item["domain"]): item for item in report["findings"]}
    assert "2021-01-01" in by_check["expiry", "expired"]["message"]
    assert "0644" in by_check["key-file", "dom1"]["message"]
    assert by_check["load", "dom2"]["origin"].startswith(script)
    assert "/no/such/file" in by_check["load", "out"]["message"]
    code, out, _ = run("check", "--config", script, "--library", library)
    assert code == 1
    assert out.splitlines()[-1].startswith(f"6 domains loaded with {library}: 4 errors")


def test_check_warns_of_what_expires_soon(tmp_path: Path, run: Run) -> None:
    key = private(pki("dom1.key"), tmp_path)
    domain = server_domain("dom1", private_key=key, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    code, out, _ = run("check", "--config", script, "--days", "30000")
    assert code == 0
    assert out.count("expires on 2044-01-01 00:00 UTC") == 2
    assert "warning  " in out


@pytest.mark.parametrize(
    "arguments", [["--days", "x"], ["--days", "-1"], ["--library", "nss"], ["--nope"]]
)
def test_check_usage(arguments: list[str], script: str, run: Run) -> None:
    code, out, err = run("check", "--config", script, *arguments)
    assert (code, out) == (2, "")
    assert "error: " in err


# The frame


def test_no_command(run: Run) -> None:
    code, _, err = run()
    assert code == 2
    assert "usage: tlsmgm" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, run: Run) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"usage: tlsmgm {command}" in out


@pytest.mark.parametrize("command", ["match --dest 1.2.3.4:5", "list", "check"])
def test_bad_script(command: str, tmp_path: Path, run: Run) -> None:
    script = tmp_path / "bad\x1b[31m.cfg"
    script.write_text('modparam("tls_mgm", "no_such_parameter", "1")\n', encoding="utf-8")
    code, out, err = run(*command.split(), "--config", str(script))
    assert (code, out) == (2, "")
    assert ":1: " in err
    assert "no_such_parameter" in err
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1


def test_version_and_module() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tlsmgm", "--version"],
        capture_output=True, text=True, check=True, env=environment, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("tlsmgm ")
    assert "openssl" in done.stdout


def test_version_tells_what_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forget_backends(monkeypatch)
    use_contract(monkeypatch, 1)
    with pytest.raises(SystemExit):
        main(["--version"])
    out = capsys.readouterr().out
    assert "wolfssl  UNUSABLE: " in out
    assert "speaks version 1 of the contract" in out


def test_check_refuses_a_script_whose_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget_backends(monkeypatch)
    use_module(monkeypatch, "there_is_no_such_module")
    wanted = ['modparam("tls_mgm", "tls_library", "wolfssl")']
    script = write_script(tmp_path / "c", wanted, server_domain("dom1"))
    assert main(["check", "--config", script]) == 1
    assert "pip install 'tlsmgm[wolfssl]'" in capsys.readouterr().out


def test_check_warns_of_a_server_that_trusts_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write_script(tmp_path / "c", server_domain("dom1", verify_cert=1))
    main(["check", "--config", script])
    assert "verifies clients but trusts nobody" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 1, "defines no TLS domain"),
        ('loadmodule "tls_opensssl.so"\n', 1, "neither tls_openssl nor tls_wolfssl"),
        (
            'socket=tls:127.0.0.1:5061\nmodparam("tls_mgm", "client_domain", "out")\n',
            1,
            "no server domain to answer",
        ),
    ],
)
def test_check_finds_what_keeps_a_program_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, said: str
) -> None:
    script = tmp_path / "opensips.cfg"
    script.write_text(text, encoding="utf-8")
    assert main(["check", "--config", str(script)]) == code
    assert said in capsys.readouterr().out


def with_library(monkeypatch: pytest.MonkeyPatch, name: str, **facts: Any) -> None:
    """Have the linked library say something else of itself."""
    found = tlsmgm.libraries()
    found = found | {name: dataclasses.replace(found[name], **facts)}
    monkeypatch.setattr(tlsmgm, "libraries", lambda: found)
    monkeypatch.setattr(checks, "installed_libraries", lambda: found)


def test_version_names_what_is_known_against_a_library(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_library(monkeypatch, "openssl", version="4.0.2", source="https://x", patches=())
    with pytest.raises(SystemExit):
        main(["--version"])
    out = capsys.readouterr().out
    assert "openssl  4.0.2 (https://x)" in out
    assert "CVE-2026-84783: " in out
    assert "NOT MET" in out


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": "4.0.2", "source": ""}, "unless whoever built this one has mended it"),
        ({"version": "4.0.2", "source": "https://x"}, "CVE-2026-84783"),
        ({"version": "3.5.2"}, "older than 3.5.6"),
        ({"version": "3.4.1"}, "nothing is known here of series 3.4"),
        ({"version": "4.0.3"}, None),
        ({"version": "3.5.9"}, None),
    ],
)
def test_check_warns_of_a_library_that_is_known_to_be_bad(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    run: Run,
    facts: dict[str, Any],
    words: str | None,
) -> None:
    key = private(pki("dom1.key"), tmp_path)
    script = write_script(tmp_path / "c", server_domain("dom1", private_key=key))
    with_library(monkeypatch, "openssl", **({"patches": ()} | facts))
    code, out, _ = run("check", "--config", script, "--library", "openssl")
    assert code == 0
    assert ("warning  " in out) == (words is not None)
    assert words is None or words in out
    assert words is None or "[openssl]" in out


def test_check_warns_of_a_key_that_the_library_signs_with_badly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    monkeypatch.setattr("tests.support.pki.new_key", lambda kind: _secp256k1())
    fields = Authority("root").issue("site", names=["dom1.test"]).fields()
    for name, content in fields.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    paths = {name: str(tmp_path / name) for name in fields}
    script = write_script(tmp_path / "c", server_domain("dom1", **paths))
    for version, warned in (("3.5.8", True), ("3.5.9", False)):
        with_library(monkeypatch, "openssl", version=version, source="", patches=())
        _, out, _ = run("check", "--config", script, "--library", "openssl")
        assert ("CVE-2026-54872" in out) == warned


def _secp256k1() -> Any:
    return ec.generate_private_key(ec.SECP256K1())


def test_check_warns_of_an_expired_staple(library: str, tmp_path: Path, run: Run) -> None:
    root = Authority("root")
    site = root.issue("site", names=["dom1.test"])
    files = site.fields() | {"ocsp_response": ocsp.response(root, site, days=(-9, -2))}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    paths = {name: str(tmp_path / name) for name in files}
    script = write_script(tmp_path / "c", server_domain("dom1", **paths))
    code, out, _ = run("check", "--config", script, "--library", library, "--days", "1")
    assert code == 0
    assert "the OCSP response ended to hold on" in out


@pytest.mark.parametrize("arguments", [["--version"], ["check", "--help"]])
def test_a_reader_that_has_seen_enough(arguments: list[str]) -> None:
    """As ``tlsmgm ... | head -1`` has it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tlsmgm", *arguments],
            stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert done.stderr == ""
