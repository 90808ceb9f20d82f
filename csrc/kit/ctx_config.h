/* What can be said about a context's configuration without knowing the library. */
#ifndef TLSMGM_CTX_CONFIG_H
#define TLSMGM_CTX_CONFIG_H

#include "base/blob.h"
#include "include/tlsmgm.h"

/* Two certificates of a domain, DER, must have keys of different kinds. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_check_two_kinds(const struct tlsmgm_blob *first,
                                                          const struct tlsmgm_blob *second,
                                                          struct tlsmgm_error *error);

/* OK, or CONFIG with the parameter at fault. Every backend asks this first. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_ctx_config_check(const struct tlsmgm_ctx_config *config,
                                                           struct tlsmgm_error *error);

#endif
