/*
 * Contexts of OpenSSL for the plain programs. The options are those of
 * csrc/backends/openssl/context.c, so that everybody asks the same of the library.
 */
#ifndef BENCH_OPENSSL_CONTEXT_H
#define BENCH_OPENSSL_CONTEXT_H

#include <openssl/ssl.h>

#include "setting.h"

/* A server refuses every name but the setting's. The setting is borrowed. */
bool bench_openssl_context(const struct bench_setting *setting, bool is_server, SSL_CTX **out,
                           struct bench_fault *fault);

/* "what: the oldest entry of OpenSSL's queue", which is then empty. Returns false. */
bool bench_openssl_fail(struct bench_fault *fault, const char *what);

#endif
