"""The path validator beside OpenSSL's own verifier, without a handshake around them.

``TLSMGM_RANDOM_CHAINS=100000`` draws more of them than the usual run.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.support import c_build
from tests.support.chains import judge
from tests.support.random_pki import Drawer

COUNT = int(os.environ.get("TLSMGM_RANDOM_CHAINS", "600"))
NOW = 1795500000
FAULTS = (0.01, 0.03, 0.06)


@pytest.fixture(scope="module", autouse=True)
def both_libraries() -> None:
    for library in c_build.BACKENDS:
        try:
            c_build.load(library)
        except c_build.LibraryMissingError as missing:
            pytest.skip(str(missing))


@pytest.mark.parametrize("batch", range(5))
def test_drawn_chains(batch: int) -> None:
    seen = set()
    for number in range(batch, COUNT, 5):
        random = Random(number)
        case = Drawer(random, NOW, random.choice(FAULTS)).case()
        asked = {"now": NOW, "is_server": case.is_server, "name": case.name}
        asked |= {"verify_depth": case.verify_depth, "check_all_crls": case.crl_check_all}
        openssl, wolfssl = (
            judge(library, case.shown, case.anchors, case.crls, **asked)
            for library in c_build.BACKENDS
        )
        assert wolfssl == openssl, f"case {number}"
        seen.add(openssl)
    assert "NONE" in seen
