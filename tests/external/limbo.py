"""x509-limbo's cases, judged by the path validator with wolfSSL and by plain OpenSSL.

    python -m tests.external.limbo CASES.json

``CASES.json`` is what its ``limbo compile`` writes. A case that the validator accepts and OpenSSL
refuses is an error, and the exit code 1; the other way round, and another reason, are told.
"""

from __future__ import annotations

import datetime
import json
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.chains import judge


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


def verdicts(case: dict[str, Any]) -> tuple[str, str]:
    """Return what OpenSSL says of a case, and what the validator says."""
    is_server = case["validation_kind"] == "SERVER"
    depth, name = case["max_chain_depth"], case["expected_peer_name"]
    asked = {
        "shown": ders([case["peer_certificate"], *case["untrusted_intermediates"]]),
        "anchors": ders(case["trusted_certs"]),
        "crls": ders(case.get("crls", [])),
        "is_server": is_server,
        "name": name["value"] if is_server and name is not None else "",
        "verify_depth": 9 if depth is None else depth,
        "now": moment(case),
    }
    return judge("openssl", **asked), judge("wolfssl", **asked)


def main(path: str) -> int:
    """Judge all cases of a file; return the exit code."""
    laxer = 0
    for case in json.loads(Path(path).read_text(encoding="utf-8"))["testcases"]:
        openssl, ours = verdicts(case)
        if openssl == ours:
            continue
        is_laxer = ours == "NONE"
        laxer += is_laxer
        kind = "LAXER" if is_laxer else "stricter" if openssl == "NONE" else "reason"
        print(f"{kind:8}  {case['id']}: OpenSSL {openssl}, ours {ours}")
    return 1 if laxer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
