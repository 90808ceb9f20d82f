#!/usr/bin/env bash
# OpenSSL 4.0.0 to 4.0.2 take a CA's key rollover certificate for self-signed, and refuse the chain that it was made for.
#
# Versions:      pyOpenSSL 26.4.0 with cryptography 50.0.1 (OpenSSL 4.0.2); beside it pyOpenSSL 25.3.0 with cryptography 46.0.3
#                (OpenSSL 3.5.4) and pyOpenSSL 26.4.0 with cryptography 50.0.2 (OpenSSL 4.0.3). 4.0.0 and 4.0.1, in cryptography
#                48.0.0 and 50.0.0, behave as 4.0.2.
# One guesses:   a CA that changes its key signs the new key with the old one (RFC 4210 section 4.4: "new with old"): a certificate
#                whose subject and issuer are the same name, and whose key identifiers differ. Who trusts the old root follows the
#                chain leaf, new with old, old root. So it is with 3.5.4, and with 4.0.3 again.
# What happens:  4.0.2 looks at the authority key identifier before it has read the subject key identifier, so nothing speaks
#                against a certificate being its own issuer. It ends the chain there: error 19, "self-signed certificate in
#                certificate chain", with X509_V_FLAG_PARTIAL_CHAIN as without. Where the CA's new key is of another kind (RSA after
#                P-256) the signature cannot be its own, and the chain is found.
# Output seen:   "4.0.2 P-256 after P-256: 19 self-signed certificate in certificate chain", and so on: see the end of this file.
# Date:          29 November 2026, Debian 12, Python 3.11.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > rollover.py <<'PYTHON'
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL, crypto

KINDS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def issue(subject, key, issuer_key, is_ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("Example CA"))
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.serial_number(x509.random_serial_number()).public_key(key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    builder = builder.add_extension(identifier(key.public_key()), critical=False)
    builder = builder.add_extension(authority, critical=False)
    return crypto.X509.from_cryptography(builder.sign(issuer_key, hashes.SHA256()))


def verdict(old_key, new_key, flags):
    leaf_key = KINDS["P-256"]()
    root = issue("Example CA", old_key, old_key, True)
    new_with_old = issue("Example CA", new_key, old_key, True)
    leaf = issue("leaf", leaf_key, new_key, False)
    store = crypto.X509Store()
    store.add_cert(root)
    store.set_flags(flags)
    try:
        crypto.X509StoreContext(store, leaf, [new_with_old]).verify_certificate()
    except crypto.X509StoreContextError as error:
        return f"{error.errors[0]} {error.errors[2]}"
    return "accepted"


library = SSL.SSLeay_version(0).decode().split()[1]
for old, new in (("P-256", "P-256"), ("RSA", "RSA"), ("P-256", "RSA")):
    said = {verdict(KINDS[old](), KINDS[new](), flags) for flags in (0, crypto.X509StoreFlags.PARTIAL_CHAIN)}
    print(f"{library} {new} after {old}: {', '.join(sorted(said))}")
PYTHON

# with_packages NAME PACKAGE...: a virtual environment with these packages, and what the program prints in it.
with_packages() {
    local environment=$work/$1
    shift
    if ! { python3 -m venv "$environment" && "$environment/bin/pip" -q --disable-pip-version-check install "$@"; } >&2; then
        echo "could not install $*" >&2
        exit 2
    fi
    "$environment/bin/python" -W ignore rollover.py
}

seen=$(
    with_packages before pyOpenSSL==25.3.0 cryptography==46.0.3
    with_packages middle pyOpenSSL==26.4.0 cryptography==50.0.1
    with_packages after pyOpenSSL==26.4.0 cryptography==50.0.2
)
expected="3.5.4 P-256 after P-256: accepted
3.5.4 RSA after RSA: accepted
3.5.4 RSA after P-256: accepted
4.0.2 P-256 after P-256: 19 self-signed certificate in certificate chain
4.0.2 RSA after RSA: 19 self-signed certificate in certificate chain
4.0.2 RSA after P-256: accepted
4.0.3 P-256 after P-256: accepted
4.0.3 RSA after RSA: accepted
4.0.3 RSA after P-256: accepted"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
