/* The wolfSSL backend: wolfSSL 5.9.2 or newer behind the contract of tlsmgm.h. */
#ifndef TLSMGM_WOLFSSL_BACKEND_H
#define TLSMGM_WOLFSSL_BACKEND_H

#include "include/tlsmgm.h"

extern const struct tlsmgm_backend tlsmgm_wolfssl_backend;

#endif
