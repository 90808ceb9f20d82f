"""Whatever a peer shows, both libraries give the same verdict, for the same reason.

``TLSMGM_RANDOM_PKIS=20000`` looks at more of them than the usual run.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.libraries import LIBRARIES, release_of
from tests.support.pairs import ConnectionPair, Managers, managers
from tests.support.random_pki import Case, Drawer
from tlsmgm import ConfigError, TLSError, VerificationError
from tlsmgm._core.context import Context

COUNT = int(os.environ.get("TLSMGM_RANDOM_PKIS", "150"))
FAULTS = (0.01, 0.03, 0.06)

#: What a library says of a certificate that it does not read, or of a key that it does not use:
#: neither accepts it, but one may have found another fault first.
UNREADABLE = {"malformed", "ProtocolError"}

#: What may be found where a certificate that signs itself is looked for in CRLs, too; OpenSSL does
#: not do that from 3.6 on (docs/security.md).
REVOCATION = {"revoked", "crl_missing", "crl_expired", "crl_invalid"}


def meet(judge: str, shower: str, case: Case, version: str, trust: dict[str, object]) -> Managers:
    """Return the two ends; ``shower`` shows the case to ``judge``."""
    shown: dict[str, object] = {"certificate": case.pem, "private_key": case.key_pem}
    if shower == "openssl":
        shown["cipher_list"] = "DEFAULT:@SECLEVEL=0"
    if case.is_server:
        return managers(shower, judge, version, server=shown, client=trust)
    rules = {"verify_cert": True, "require_cert": True} | trust
    if case.client_eku_any:
        rules["client_eku"] = "client_or_server"
    shown["verify_cert"] = False
    return managers(judge, shower, version, server=rules, client=shown)


def verdict_of(judge: str, case: Case, version: str, trust: dict[str, object]) -> str | None:
    """Return "ok", a reason, or the kind of another error; None when nobody can show the case."""
    for shower in LIBRARIES:
        try:
            both = meet(judge, shower, case, version, trust)
        except ConfigError as refused:
            if "certificate" in str(refused) and "crl_dir" not in str(refused):
                continue
            return f"ConfigError: {refused.parameter}"
        pair = both.pair(case.name or None).pump()
        return ending(pair, case)
    return None


def ending(pair: ConnectionPair, case: Case) -> str:
    """Return how the judging side ended."""
    side = pair.client_side if case.is_server else pair.server_side
    if side.error is None:
        assert side.complete
        assert side.end.peer_verified
        return "ok"
    if isinstance(side.error, VerificationError):
        return side.error.reason
    assert isinstance(side.error, TLSError)
    return type(side.error).__name__


def trust_of(case: Case, folder: Path) -> dict[str, object]:
    """Return the fields of the domain that judges."""
    trust: dict[str, object] = {"ca_list": case.anchors_pem, "verify_depth": case.verify_depth}
    if case.crls:
        folder.mkdir(exist_ok=True)
        for number, crl in enumerate(case.crls):
            (folder / f"{number}.crl").write_bytes(crl)
        trust |= {"crl_dir": str(folder), "crl_check_all": case.crl_check_all}
    return trust


def depends_on_release(openssl: str | None, wolfssl: str | None) -> bool:
    """Tell whether a release of OpenSSL may be the reason of a difference.

    wolfSSL's verdicts are held to 3.5. Releases before it do not look at some things that a path
    does not need, 3.6 and later ones look for no certificate in CRLs that signs itself, and 4.0
    refuses some more (docs/security.md); none may be turned round.
    """
    release = release_of("openssl")
    if release >= (3, 6) and wolfssl in REVOCATION:
        return True
    if (3, 5) <= release < (4, 0):
        return False
    stricter = wolfssl if release < (3, 5) else openssl
    return stricter != "ok"


def assert_same_verdict(case: Case, version: str, folder: Path) -> str:
    """Let both libraries judge; return their verdict."""
    trust = trust_of(case, folder)
    openssl, wolfssl = (verdict_of(judge, case, version, trust) for judge in LIBRARIES)
    may_differ = bool({openssl, wolfssl} & UNREADABLE)
    may_differ |= wolfssl == "other" and case.leaf.is_critical
    if openssl != wolfssl and not (may_differ and "ok" not in {openssl, wolfssl}):
        assert depends_on_release(openssl, wolfssl), (openssl, wolfssl)
    return str(openssl)


def draw(random: Random) -> tuple[Case, str]:
    """Return a case and a version of TLS."""
    fault = random.choice(FAULTS)
    case = Drawer(random, int(time.time()), fault).case()
    return case, random.choice(["TLSv1.2", "TLSv1.3"])


@pytest.mark.parametrize("batch", range(10))
def test_drawn_authorities(batch: int, tmp_path: Path) -> None:
    """The same ones each time, but for keys and dates."""
    seen = set()
    for number in range(batch, COUNT, 10):
        case, version = draw(Random(number))
        try:
            seen.add(assert_same_verdict(case, version, tmp_path / str(number)))
        except AssertionError as different:
            raise AssertionError(f"case {number}: {different}") from different
    assert "ok" in seen


@pytest.mark.parametrize("batch", range(2))
def test_drawn_authorities_judged_strictly(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of ``VERIFY_X509_STRICT`` are asked for last, so the rest is as above."""
    strict = functools.partial(Context, strict_certificates=True)
    monkeypatch.setattr("tlsmgm._native.contexts.Context", strict)
    for number in range(batch, COUNT // 3, 2):
        case, version = draw(Random(number))
        try:
            assert_same_verdict(case, version, tmp_path / str(number))
        except AssertionError as different:
            raise AssertionError(f"case {number}: {different}") from different


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(random=st.randoms(use_true_random=False), number=st.integers(0, 1 << 30))
def test_any_authorities(random: Random, number: int, tmp_path: Path) -> None:
    case, version = draw(random)
    folder = tmp_path / f"{number}-{time.monotonic_ns()}"
    assert_same_verdict(case, version, folder)
