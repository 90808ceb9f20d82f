/*
 * Contexts of wolfSSL for the plain programs. The options are those of
 * csrc/backends/wolfssl/context.c. What they leave out on purpose: certificate stores of each
 * connection's own, without which wolfSSL lets one client's intermediates vouch for the next
 * client.
 */
#ifndef BENCH_WOLFSSL_CONTEXT_H
#define BENCH_WOLFSSL_CONTEXT_H

/* options.h comes first: it says how the library was built. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "setting.h"

/* The name is a matter of each connection. */
bool bench_wolfssl_context(const struct bench_setting *setting, bool is_server, WOLFSSL_CTX **out,
                           struct bench_fault *fault);

#endif
