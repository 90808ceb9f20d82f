/*
 * Name constraints (RFC 5280 section 4.2.1.10): which names an authority's certificates may carry.
 * As OpenSSL follows them: of the subject, of its e-mail addresses and of all alternative names;
 * and, of a peer's own certificate without DNS names, of common names that look like a host's.
 */
#ifndef TLSMGM_NAME_CONSTRAINTS_H
#define TLSMGM_NAME_CONSTRAINTS_H

#include "certificate.h"

/*
 * Whether all names of a certificate keep to the constraints of an authority above it. Names or
 * constraints that cannot be understood do not.
 */
bool tlsmgm_name_constraints_hold(const struct tlsmgm_certificate *certificate, bool is_leaf,
                                  const struct tlsmgm_certificate *authority);

#endif
