/*
 * What RFC 5280 asks of the certificates of a path although a path can be judged without it: the
 * rules of OpenSSL 3's X509_V_FLAG_X509_STRICT. Asked for when all else is well with a path.
 */
#ifndef TLSMGM_STRICT_H
#define TLSMGM_STRICT_H

#include "x509/certificate.h"

/* A rule that does not hold. Critical key identifiers are not among them: nobody takes those. */
enum tlsmgm_strict_fault {
#define TLSMGM_STRICT_FAULT(name, reason, words) TLSMGM_STRICT_##name,
#include "x509/strict_fault.def"
#undef TLSMGM_STRICT_FAULT
};

/*
 * The first rule that a certificate breaks, in OpenSSL's order; TLSMGM_STRICT_GOOD: none. depth is
 * 0 for the peer's own; count is how many the path has, what is trusted included.
 */
enum tlsmgm_strict_fault tlsmgm_strict_check(const struct tlsmgm_certificate *certificate,
                                             size_t depth, size_t count);

/* Our word for a fault. */
enum tlsmgm_verify_reason tlsmgm_strict_reason(enum tlsmgm_strict_fault fault);

/* OpenSSL's words for it; static. */
const char *tlsmgm_strict_words(enum tlsmgm_strict_fault fault);

/* VERIFY with the fault's words, and the place of the certificate in its path. */
enum tlsmgm_status tlsmgm_strict_fail(struct tlsmgm_error *error, enum tlsmgm_strict_fault fault,
                                      size_t depth);

#endif
