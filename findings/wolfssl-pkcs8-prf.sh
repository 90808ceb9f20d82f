#!/usr/bin/env bash
# wolfSSL answers the right pass phrase of a PKCS#8 key as it answers a wrong one, if PBKDF2 works with SHA-384 or SHA-512.
#
# Versions:      libwolfssl35 5.5.4-2+deb12u3 (Debian 12), keys made by openssl 3.0.19.
# One guesses:   the pass phrase opens the file whatever -v2prf was (RFC 8018 lists HMAC with SHA-1, SHA-224 to SHA-512), or else an
#                error of its own says that the algorithm is not there.
# What happens:  SHA-1 and SHA-256 work. With SHA-384 and SHA-512, and with AES-192 as cipher, wolfSSL_CTX_use_PrivateKey_file() returns 0 for
#                the right pass phrase, as for a wrong one, and wolfSSL_ERR_get_error() says 304 for both: one looks for a
#                mistake in the pass phrase.
# Output seen:   "hmacWithSHA256 aes-256-cbc: right 1 error 0, wrong 0 error 304",
#                "hmacWithSHA512 aes-256-cbc: right 0 error 304, wrong 0 error 304".
# Date:          28 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Unpacked, not installed.
{ apt-get download libwolfssl35 && dpkg -x libwolfssl35_*.deb unpacked; } > download.log 2>&1 || {
    cat download.log >&2
    echo "Debian's package libwolfssl35 could not be had" >&2
    exit 2
}
library=$(find unpacked -name 'libwolfssl.so.35' | head -n 1)
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out plain.pem 2> /dev/null
for kind in hmacWithSHA1:aes-256-cbc hmacWithSHA256:aes-256-cbc hmacWithSHA384:aes-256-cbc hmacWithSHA512:aes-256-cbc \
    hmacWithSHA256:aes-128-cbc hmacWithSHA256:aes-192-cbc; do
    openssl pkcs8 -topk8 -in plain.pem -v2 "${kind#*:}" -v2prf "${kind%:*}" -passout pass:open-sesame -out "$kind.pem"
    openssl pkey -in "$kind.pem" -passin pass:open-sesame -noout
done

cat > load.py <<'PYTHON'
import ctypes
import sys

PEM = 1
library = ctypes.CDLL(sys.argv[1])
library.wolfTLSv1_2_server_method.restype = ctypes.c_void_p
library.wolfSSL_CTX_new.restype = ctypes.c_void_p
library.wolfSSL_CTX_new.argtypes = [ctypes.c_void_p]
library.wolfSSL_lib_version.restype = ctypes.c_char_p
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
library.wolfSSL_CTX_set_default_passwd_cb.argtypes = [ctypes.c_void_p, Callback]
library.wolfSSL_ERR_get_error.restype = ctypes.c_ulong
library.wolfSSL_CTX_use_PrivateKey_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
library.wolfSSL_Init()


def load(path, phrase):
    @Callback
    def ask(buffer, size, writing, data):
        ctypes.memmove(buffer, phrase, len(phrase))
        return len(phrase)

    context = library.wolfSSL_CTX_new(library.wolfTLSv1_2_server_method())
    library.wolfSSL_CTX_set_default_passwd_cb(context, ask)
    loaded = library.wolfSSL_CTX_use_PrivateKey_file(context, path.encode(), PEM)
    return f"{loaded} error {library.wolfSSL_ERR_get_error()}"


print("wolfSSL", library.wolfSSL_lib_version().decode())
for kind in sys.argv[2:]:
    label = kind.removesuffix(".pem").replace(":", " ")
    print(f"{label}: right {load(kind, b'open-sesame')}, wrong {load(kind, b'close-sesame')}")
PYTHON

seen=$(python3 load.py "./$library" hmac*.pem)
expected="wolfSSL 5.5.4
hmacWithSHA1 aes-256-cbc: right 1 error 0, wrong 0 error 304
hmacWithSHA256 aes-128-cbc: right 1 error 0, wrong 0 error 304
hmacWithSHA256 aes-192-cbc: right 0 error 304, wrong 0 error 304
hmacWithSHA256 aes-256-cbc: right 1 error 0, wrong 0 error 304
hmacWithSHA384 aes-256-cbc: right 0 error 304, wrong 0 error 304
hmacWithSHA512 aes-256-cbc: right 0 error 304, wrong 0 error 304"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
