"""The command ``tlsmgm convert``: files, folders, rights, warnings, refusals."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.managers import LOCAL, connect, pem
from tests.support.scripts import Site, client, server
from tlsmgm import TLSManager
from tlsmgm._config.opensips import read_script, read_script_text
from tlsmgm._config.reader import read_configuration
from tlsmgm._config.toml import read_toml, read_toml_text

SCRIPT = """# A comment.
log_level=3
loadmodule "tls_openssl.so"
loadmodule "tm.so"
modparam("tm", "fr_timeout", 5)
modparam("tls_mgm", "server_domain", "a")
modparam("tls_mgm", "certificate", "[a]pki/a.pem") # why
modparam("tls_mgm", "private_key", "[a]/keys/a.key")
include_file "more.cfg"
route { t_relay(); }
failure_route[x] { { } }
"""

#: As SCRIPT, with nothing that is left out.
TOML = """
library = "openssl"
[server.a]
certificate = "pki/a.pem"
private_key = "/keys/a.key"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "conf"
    path.mkdir()
    (path / "opensips.cfg").write_text(SCRIPT, encoding="utf-8")
    (path / "more.cfg").write_text('modparam("tls_mgm", "verify_cert", "[a]0")', encoding="utf-8")
    (path / "tlsmgm.toml").write_text(TOML, encoding="utf-8")
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_script_to_standard_output(folder: Path, run: Run) -> None:
    code, out, err = run("convert", str(folder / "opensips.cfg"))
    assert code == 0
    made = read_toml_text(out, folder / "x.toml")
    assert made.domains == read_script(folder / "opensips.cfg").domains
    assert 'certificate = "pki/a.pem"' in out
    assert err.splitlines() == [
        "tlsmgm: warning: routes and other blocks are left out: route, failure_route[x]",
        "tlsmgm: warning: modules are left out: tm",
        "tlsmgm: warning: parameters of modules are left out: tm",
        "tlsmgm: warning: settings of the core are left out: log_level",
        "tlsmgm: warning: what the script includes is written into the one file: "
        f"{folder / 'more.cfg'}",
        "tlsmgm: warning: comments are left out",
    ]


def test_toml_to_standard_output(folder: Path, run: Run) -> None:
    code, out, err = run("convert", str(folder / "tlsmgm.toml"))
    assert (code, err) == (0, "")
    made = read_script_text(out, folder / "x.cfg")
    assert made.domains == read_toml(folder / "tlsmgm.toml").domains


def test_what_was_converted_converts_without_a_word(folder: Path, run: Run) -> None:
    source = folder / "tlsmgm.toml"
    source.write_text(TOML + "[defaults]\nverify_depth = 5\n", encoding="utf-8")
    middle, end = folder / "made.cfg", folder / "made.toml"
    code, _, err = run("convert", str(source), "--output", str(middle))
    assert code == 0
    assert err == (
        "tlsmgm: warning: OpenSIPS refuses some of these parameters; comments above them say so\n"
    )
    assert run("convert", str(middle), "--output", str(end)) == (0, "", "")
    assert read_toml(end).domains == read_toml(source).domains
    anew = folder / "anew.toml"
    assert run("convert", str(end), "--to", "toml", "--output", str(anew)) == (0, "", "")
    assert anew.read_bytes() == end.read_bytes()


def test_doubts_are_told(folder: Path, run: Run) -> None:
    source = folder / "x.cfg"
    source.write_text(
        'modparam("tls_mgm", "server_domain", "a")\n'
        'modparam("tls_mgm", "ca_list", "[a]x")\nmodparam("tls_mgm", "ca_list", "[a]y")\n',
        encoding="utf-8",
    )
    code, out, err = run("convert", str(source))
    assert code == 0
    assert 'library = "auto"' in out
    assert "is set again" in err
    assert "the script does not settle on a TLS library; library is 'auto' now" in err
    toml = folder / "x.toml"
    toml.write_text(
        "[server.a]\n[database]\nurl = 'mysql://u:a%3Fb@h/d'\n[database.columns]", encoding="utf-8"
    )
    (folder / "other").mkdir()
    code, _, err = run("convert", str(toml), "--output", str(folder / "other" / "x.cfg"))
    assert code == 0
    assert "tls_openssl is loaded in it" in err
    assert "rows of the database without certificate look for tls/cert.pem" in err


# Folders.


@pytest.mark.parametrize("name", ["tlsmgm.toml", "opensips.cfg"])
@pytest.mark.parametrize("target", ["other", "other/deep", "."])
def test_paths_mean_the_same_files_from_another_folder(
    name: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    site = Site(tmp_path, "openssl")
    here = tmp_path / "conf"
    here.mkdir()
    (tmp_path / target).mkdir(parents=True, exist_ok=True)
    site.script = here / "opensips.cfg"
    site.write(
        server(certificate="../dom1.pem", private_key="../dom1.key"),
        client(ca_list="../root.pem", crl_dir="../conf/../crls/"),
    )
    source = site.script
    if name.endswith(".toml"):
        source = here / name
        assert run("convert", str(site.script), "--output", str(source))[0] == 0
    output = tmp_path / target / ("made.cfg" if name.endswith(".toml") else "made.toml")
    monkeypatch.chdir(here)
    code, _, _ = run("convert", name, "--output", os.path.relpath(output))
    assert code == 0
    monkeypatch.chdir("/")
    assert "../dom1.pem" in source.read_text(encoding="utf-8")
    for made, written in zip(
        read_configuration(output).domains, read_configuration(source).domains, strict=True
    ):
        for field in ("certificate", "private_key", "ca_list", "crl_dir"):
            path = getattr(written, field)
            assert (path is None) == (getattr(made, field) is None)
            assert path is None or os.path.samefile(getattr(made, field), path)
    manager = TLSManager.from_config(output)
    assert connect(manager, manager)[1].domain is manager.select_server_domain(*LOCAL, "dom1.test")


def test_links_between_the_folders(tmp_path: Path, run: Run) -> None:
    for name in ("real/conf", "far/away", "data/v1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "conf").symlink_to("real/conf")
    (tmp_path / "out").symlink_to("far/away")
    (tmp_path / "real" / "current").symlink_to("../data/v1")
    (tmp_path / "data" / "v1" / "ca.pem").write_bytes(pem("root.pem"))
    source = tmp_path / "conf" / "x.toml"
    source.write_text('[client.a]\nca_list = "../current/ca.pem"\n', encoding="utf-8")
    output = tmp_path / "out" / "y.cfg"
    assert run("convert", str(source), "--output", str(output))[0] == 0
    (domain,) = read_script(output).domains
    assert isinstance(domain.ca_list, str)
    assert os.path.samefile(domain.ca_list, tmp_path / "data" / "v1" / "ca.pem")
    assert "current/ca.pem" in domain.ca_list  # a link that may point elsewhere tomorrow


@pytest.mark.parametrize(
    "text",
    [
        "[server.a]\n[client.b]\n",
        '[defaults]\nca_list = "ca.pem"\n[server.a]\ncertificate = "c.pem"\n',
        '[defaults]\nca_list = "ca.pem"\n',
        '[defaults]\ncertificate = "c.pem"\n',
    ],
)
@pytest.mark.parametrize("to", ["script", "toml"])
def test_unwritten_paths_mean_the_same_files_too(
    text: str, to: str, tmp_path: Path, run: Run
) -> None:
    source = tmp_path / "x.toml"
    source.write_text(text, encoding="utf-8")
    (tmp_path / "other").mkdir()
    output = tmp_path / "other" / ("y.toml" if to == "toml" else "y.cfg")
    assert run("convert", str(source), "--to", to, "--output", str(output))[0] == 0
    ours, theirs = (
        sorted(read_configuration(path).domains, key=lambda domain: domain.kind)
        for path in (source, output)
    )
    assert [domain.name for domain in ours] == [domain.name for domain in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for field in ("certificate", "private_key", "ca_list"):
            paths = [getattr(domain, field) for domain in (one, other)]
            assert len({path and os.path.realpath(path) for path in paths}) == 1


def test_paths_that_are_not_utf8(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "x.cfg"
    source.write_bytes(
        b'modparam("tls_mgm", "client_domain", "a")\nmodparam("tls_mgm", "ca_dir", "[a]/k\xe4")\n'
    )
    code, out, err = run("convert", str(source))
    assert (code, out) == (2, "")
    assert "domain 'a': parameter 'ca_dir': is not UTF-8, which TOML must be" in err
    assert run("convert", str(source), "--to", "script", "--output", str(tmp_path / "y"))[0] == 0
    assert b'"[a]/k\xe4"' in (tmp_path / "y").read_bytes()


# Files.


def test_nothing_is_overwritten_without_force(folder: Path, run: Run) -> None:
    output = folder / "made.toml"
    output.write_text("precious", encoding="utf-8")
    source = str(folder / "opensips.cfg")
    code, out, err = run("convert", source, "--output", str(output))
    assert (code, out) == (2, "")
    assert f"{output}: is there already (--force overwrites it)" in err
    assert output.read_text(encoding="utf-8") == "precious"
    assert run("convert", source, "--output", str(output), "--force")[0] == 0
    assert read_toml(output).domains
    assert sorted(os.listdir(folder)) == ["made.toml", "more.cfg", "opensips.cfg", "tlsmgm.toml"]


def test_a_refused_conversion_leaves_the_old_file(folder: Path, run: Run) -> None:
    source, output = folder / "bad.toml", folder / "made.cfg"
    source.write_text("[server.a]\nalpn = []\n", encoding="utf-8")
    output.write_text("precious", encoding="utf-8")
    code, _, err = run("convert", str(source), "--output", str(output), "--force")
    assert code == 2
    assert f"{source}:2: domain 'a': parameter 'alpn': is empty" in err
    assert output.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    "secret",
    [
        f'[client.a]\nprivate_key = """{pem("dom1.key").decode()}"""',
        f'[client.a]\ncertificate = """{(pem("dom1.pem") + pem("dom1.key")).decode()}"""',
        '[client.a]\nprivate_key_passphrase = "hush"',
        '[defaults]\nprivate_key_passphrase = "hush"',
        '[database]\nurl = "mysql://u:hush@h/d"',
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_secrets_are_for_the_owner_alone(
    secret: str, force: bool, tmp_path: Path, run: Run
) -> None:
    source, output = tmp_path / "x.toml", tmp_path / "y.toml"
    source.write_text(secret, encoding="utf-8")
    if force:
        output.write_text("old", encoding="utf-8")
        output.chmod(0o666)
    arguments = ["--force"] if force else []
    code, out, err = run(
        "convert", str(source), "--to", "toml", "--output", str(output), *arguments
    )
    assert (code, out, err) == (0, "", "")
    assert mode_of(output) == 0o600
    assert "hush" in output.read_text(encoding="utf-8") or "PRIVATE" in secret


@pytest.mark.parametrize("url", ["sqlite:////a:b@c.db", "mysql://u@h/d", "mysql://h:3306/d"])
def test_what_is_no_secret_is_for_all(url: str, tmp_path: Path, run: Run) -> None:
    source, output = tmp_path / "x.toml", tmp_path / "y.cfg"
    source.write_text(f'[database]\nurl = "{url}"', encoding="utf-8")
    before = os.umask(0o022)
    try:
        assert run("convert", str(source), "--output", str(output))[0] == 0
    finally:
        os.umask(before)
    assert mode_of(output) == (0o600 if "a:b@" in url else 0o644)  # better one too many


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tlsmgm.toml", "--output", "x.toml"], "the name of a script file must not end in .toml"),
        (["opensips.cfg", "--output", "x.cfg"], "x.cfg: parameter '--output': the name of a toml"),
        (["opensips.cfg", "--to", "xml"], "invalid choice: 'xml'"),
        (["opensips.cfg", "--output", "no/such/x.toml"], "no/such/x.toml: cannot be written: No"),
        (["absent.cfg"], "absent.cfg: cannot read"),
        (["absent.toml"], "absent.toml: cannot read"),
        ([], "the following arguments are required: SOURCE"),
    ],
)
def test_usage(
    arguments: list[str], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run("convert", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(os.listdir(folder)) == ["more.cfg", "opensips.cfg", "tlsmgm.toml"]


def test_a_disk_that_is_full_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    output = folder / "made.toml"
    output.write_text("precious", encoding="utf-8")
    monkeypatch.setattr(os, "replace", full)
    code, _, err = run("convert", str(folder / "opensips.cfg"), "--output", str(output), "--force")
    assert code == 2
    assert "cannot be written: No space left on device" in err
    assert output.read_text(encoding="utf-8") == "precious"
    assert len(os.listdir(folder)) == 4


def test_help(run: Run) -> None:
    code, out, _ = run("convert", "--help")
    assert code == 0
    assert "usage: tlsmgm convert" in out
