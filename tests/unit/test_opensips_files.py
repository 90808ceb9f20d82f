"""Reader of OpenSIPS scripts: files, what they include, limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.modparams import refused, tls
from tlsmgm._config import statements
from tlsmgm._config.opensips import read_script, read_script_text
from tlsmgm.errors import ConfigError


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
