/* The OpenSSL backend: OpenSSL 3.0 or newer behind the contract of tlsmgm.h. */
#ifndef TLSMGM_OPENSSL_BACKEND_H
#define TLSMGM_OPENSSL_BACKEND_H

#include "include/tlsmgm.h"

extern const struct tlsmgm_backend tlsmgm_openssl_backend;

#endif
