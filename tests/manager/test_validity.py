"""A domain whose own certificate does not hold now is loaded, and told of."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from tests.support.managers import client_domain, server_domain
from tests.support.pki import Authority, Identity
from tlsmgm import Domain, ReloadReport, TLSManager
from tlsmgm._native import validity

_DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("tests root")


def added(library: str, *domains: Domain) -> tuple[TLSManager, ReloadReport]:
    """A manager of these domains, and what is said of them as they come."""
    manager = TLSManager(library)
    told: list[ReloadReport] = []
    manager.on_reload(lambda event: told.append(event.report))
    manager.add_domains(domains)
    (report,) = told
    return manager, report


def minute(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def shown(identity: Identity, number: str = "") -> dict[str, object]:
    return {f"{name}{number}": value for name, value in identity.fields().items()}


def test_one_that_has_expired(library: str, root: Authority) -> None:
    old = root.issue("old", names=["dom1.test"], days=(-30, -1))
    manager, report = added(library, server_domain("dom1", **shown(old)))
    end = minute(old.leaf.not_valid_after_utc)
    words = f"domain 'dom1': parameter 'certificate': it expired on {end}: peers refuse it"
    assert report.added == ("dom1",)
    assert report.warnings == (words,)
    assert words in manager.warnings


def test_one_that_has_not_begun(library: str, root: Authority) -> None:
    early = root.issue("early", days=(2, 30))
    _, report = added(library, client_domain("out", **shown(early)))
    begin = minute(early.leaf.not_valid_before_utc)
    assert report.warnings == (
        f"domain 'out': parameter 'certificate': it is not valid before {begin}: peers refuse it",
    )


def test_the_second_one(library: str, root: Authority) -> None:
    good = root.issue("good", names=["dom1.test"])
    old = root.issue("old", names=["dom1.test"], kind="rsa", days=(-30, -1))
    _, report = added(library, server_domain("dom1", **shown(good), **shown(old, "2")))
    (told,) = report.warnings
    assert told.startswith("domain 'dom1': parameter 'certificate2': it expired on ")


def test_the_end_comes_while_it_is_loaded(
    library: str, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = root.issue("good", names=["dom1.test"], days=(-1, 1))
    manager, report = added(library, server_domain("dom1", **shown(good)))
    assert report.warnings == ()
    assert not [text for text in manager.warnings if "expired" in text]
    (kept,) = manager._changes.snapshot.built.values()
    end = good.leaf.not_valid_after_utc
    assert list(validity.out_of_force(kept.shown, end)) == []
    assert len(list(validity.out_of_force(kept.shown, end + _DAY))) == 1


def test_a_new_file_ends_the_warning(library: str, root: Authority, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    for name, days in (("old", (-30, -1)), ("new", (-1, 30))):
        fields = root.issue("site", names=["site.test"], days=days).fields()
        for field, content in fields.items():
            (tmp_path / f"{name}-{field}.pem").write_bytes(content)
            (tmp_path / f"{name}-{field}.pem").chmod(0o600)
    text = (
        '[server.site]\nmatch_sip_domain = "site.test"\nverify_cert = false\n'
        'certificate = "NAME-certificate.pem"\nprivate_key = "NAME-private_key.pem"\n'
    )
    file.write_text(text.replace("NAME", "old"))
    manager = TLSManager.from_config(file, library=library)
    assert [text for text in manager.warnings if "expired" in text]
    assert manager.reload().warnings == (), "it is not new"
    file.write_text(text.replace("NAME", "new"))
    assert manager.reload().warnings == ()
    assert not [text for text in manager.warnings if "expired" in text]
