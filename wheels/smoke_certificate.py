#!/usr/bin/env python3
"""Make the certificate that smoke.py needs; the openssl program does it.

python -I wheels/smoke_certificate.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def make_certificate(folder: Path) -> None:
    """Make a self-signed certificate and its key, cert.pem and key.pem, in the folder."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=smoke.test"]
    command += ["-addext", "subjectAltName=DNS:smoke.test"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"openssl made no certificate: {done.stderr}")


if __name__ == "__main__":
    make_certificate(Path(sys.argv[1]))
