"""x509-limbo's cases, judged by the path validator with wolfSSL and by plain OpenSSL.

    python -m tests.external.limbo CASES.json
    python -m tests.external.limbo CASES.json --tls

``CASES.json`` is what its ``limbo compile`` writes. A case that the validator accepts and OpenSSL
refuses is an error, and the exit code 1; the other way round, and another reason, are told.

With ``--tls`` the cases are shown to whole domains of both libraries, in TLS 1.2 and 1.3, which
takes tlslite-ng (``limbo_tls.py``). Domains judge at the time of the clock; cases of another time
are judged in processes under the program ``faketime``, or counted where it is missing.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.chains import judge
from tests.support.libraries import LIBRARIES

#: Verdicts by who judged.
Verdicts = dict[str, str]


def ders(pems: Sequence[str]) -> list[bytes]:
    """Return PEM texts of any label in DER."""
    return [ssl.PEM_cert_to_DER_cert(relabelled(pem)) for pem in pems]


def relabelled(pem: str) -> str:
    """Return the text as that of a certificate; Python reads no other."""
    return pem.strip().replace("X509 CRL", "CERTIFICATE")


def moment(case: dict[str, Any]) -> int:
    """Return the time at which a case is to be judged."""
    if case["validation_time"] is None:
        return int(time.time())
    return int(datetime.datetime.fromisoformat(case["validation_time"]).timestamp())


def question(case: dict[str, Any]) -> dict[str, Any]:
    """Return what a case asks, as :func:`judge` takes it."""
    is_server = case["validation_kind"] == "SERVER"
    depth, name = case["max_chain_depth"], case["expected_peer_name"]
    return {
        "shown": ders([case["peer_certificate"], *case["untrusted_intermediates"]]),
        "anchors": ders(case["trusted_certs"]),
        "crls": ders(case.get("crls", [])),
        "is_server": is_server,
        "name": name["value"] if is_server and name is not None else "",
        "verify_depth": 9 if depth is None else depth,
        "now": moment(case),
    }


def by_validator(case: dict[str, Any]) -> Verdicts:
    """Return what the validator with wolfSSL says of a case, without a handshake."""
    return {"wolfSSL's validator": judge("wolfssl", **question(case))}


def over_tls(case: dict[str, Any]) -> Verdicts:
    """Return what domains of both libraries say of a case, by library and version of TLS."""
    from tests.external import limbo_tls

    asked, found = question(case), {}
    for library in LIBRARIES:
        for version in limbo_tls.VERSIONS:
            found[f"{library} {version}"] = limbo_tls.verdict(library, version, asked)
    return found


def at_their_time(path: str, cases: Sequence[dict[str, Any]]) -> dict[str, Verdicts]:
    """Return what domains say of cases, by identifier, each at the time that it names.

    Cases whose time cannot be had are left out.
    """
    found: dict[str, Verdicts] = {}
    by_time: dict[str | None, list[dict[str, Any]]] = collections.defaultdict(list)
    for case in cases:
        by_time[case["validation_time"]].append(case)
    for case in by_time.pop(None, ()):
        found[case["id"]] = over_tls(case)
    for same in by_time.values() if shutil.which("faketime") is not None else ():
        found |= under_faketime(path, same[0])
    return found


def under_faketime(path: str, case: dict[str, Any]) -> dict[str, Verdicts]:
    """Return what domains say, at the time of a case, of all cases of that time."""
    clock = datetime.datetime.fromtimestamp(moment(case), datetime.UTC)
    command = [sys.executable, "-m", "tests.external.limbo", path, "--at", case["validation_time"]]
    done = subprocess.run(
        ["faketime", "--exclude-monotonic", "-f", f"{clock:%Y-%m-%d %H:%M:%S}", *command],
        env=os.environ | {"TZ": "UTC"},
        check=True,
        stdout=subprocess.PIPE,
    )
    return dict(json.loads(done.stdout))


def compare(cases: Sequence[dict[str, Any]], found: dict[str, Verdicts]) -> int:
    """Say where verdicts differ from plain OpenSSL's, and how often; return how many are laxer."""
    tally: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for case in cases:
        openssl = judge("openssl", **question(case))
        for judged_by, ours in found.get(case["id"], {}).items():
            kind = kind_of_difference(openssl, ours)
            tally[judged_by][kind] += 1
            if kind != "same":
                print(f"{kind:8}  {case['id']}: OpenSSL {openssl}, {judged_by} {ours}")
    for judged_by, kinds in tally.items():
        print(f"{judged_by}: " + ", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds)))
    print(f"not judged, for want of their time: {len(cases) - len(found)} of {len(cases)}")
    return sum(kinds["LAXER"] for kinds in tally.values())


def kind_of_difference(openssl: str, ours: str) -> str:
    """Return how our verdict compares with OpenSSL's."""
    if openssl == ours:
        return "same"
    if ours == "NONE":
        return "LAXER"
    return "stricter" if openssl == "NONE" else "reason"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge all cases of a file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.external.limbo")
    parser.add_argument("cases", help="what 'limbo compile' wrote")
    parser.add_argument("--tls", action="store_true", help="by whole domains, in handshakes")
    parser.add_argument("--at", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    cases = json.loads(Path(given.cases).read_text(encoding="utf-8"))["testcases"]
    if given.at is not None:
        chosen = [case for case in cases if case["validation_time"] == given.at]
        print(json.dumps({case["id"]: over_tls(case) for case in chosen}))
        return 0
    if given.tls:
        return 1 if compare(cases, at_their_time(given.cases, cases)) else 0
    return 1 if compare(cases, {case["id"]: by_validator(case) for case in cases}) else 0


if __name__ == "__main__":
    sys.exit(main())
