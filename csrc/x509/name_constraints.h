/*
 * Name constraints (RFC 5280 section 4.2.1.10): which names an authority's certificates may carry.
 * As OpenSSL follows them: of the subject, of its e-mail addresses and of all alternative names;
 * and, where there are no DNS names, of common names that look like a host's.
 */
#ifndef TLSMGM_NAME_CONSTRAINTS_H
#define TLSMGM_NAME_CONSTRAINTS_H

#include "x509/certificate_fields.h"

/*
 * Whether all names of a certificate keep to the constraints of an authority above it, which are
 * the contents of its NameConstraints; data is NULL: it has none. Names or constraints that cannot
 * be understood do not. Common names count where somebody may take them for the peer's identity: in
 * its own certificate, unless that is looked for among the DNS names.
 */
bool tlsmgm_name_constraints_hold(struct tlsmgm_bytes constraints,
                                  const struct tlsmgm_certificate_fields *certificate,
                                  bool with_common_names);

/* Whether the contents of a NameConstraints are well-formed all through. */
bool tlsmgm_name_constraints_are_valid(struct tlsmgm_bytes constraints);

#endif
