/*
 * What the package wolfssl of PyPI calls and our pinned wolfSSL leaves out: DTLS and renegotiation.
 *
 * Included before everything else when that package is compiled (see install_wolfssl_py.sh), so
 * that it can be linked to the very library that tlsmgm is built with. None of this is called by
 * TLS over a stream; whoever calls it gets a failure.
 */
#ifndef TLSMGM_BENCHMARKS_WOLFSSL_PY_MISSING_H
#define TLSMGM_BENCHMARKS_WOLFSSL_PY_MISSING_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#ifndef WOLFSSL_DTLS
WOLFSSL_METHOD *wolfDTLSv1_2_client_method(void) { return NULL; }

WOLFSSL_METHOD *wolfDTLSv1_2_server_method(void) { return NULL; }

void *wolfSSL_dtls_create_peer(int port, char *ip) {
    (void)port;
    (void)ip;
    return NULL;
}

int wolfSSL_dtls_free_peer(void *address) {
    (void)address;
    return WOLFSSL_FAILURE;
}
#endif

#ifndef WOLFSSL_DTLS13
WOLFSSL_METHOD *wolfDTLSv1_3_client_method(void) { return NULL; }

WOLFSSL_METHOD *wolfDTLSv1_3_server_method(void) { return NULL; }
#endif

#ifndef HAVE_SECURE_RENEGOTIATION
int wolfSSL_Rehandshake(WOLFSSL *ssl) {
    (void)ssl;
    return WOLFSSL_FAILURE;
}
#endif

#endif
