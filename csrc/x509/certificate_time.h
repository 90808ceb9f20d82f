/* Times of certificates (RFC 5280 section 4.1.2.5): whole seconds, UTC, nothing else. */
#ifndef TLSMGM_CERTIFICATE_TIME_H
#define TLSMGM_CERTIFICATE_TIME_H

#include "x509/der.h"

struct tlsmgm_certificate_time {
    struct tlsmgm_bytes digits; /* YYMMDDHHMMSSZ, or YYYYMMDDHHMMSSZ when generalized */
    bool is_generalized;
};

/* The next item, a time of either form; whether its digits are one is told by who asks for it. */
static inline bool tlsmgm_time_read(struct tlsmgm_cursor *cursor,
                                    struct tlsmgm_certificate_time *time) {
    time->is_generalized = tlsmgm_der_is_next(cursor, TLSMGM_DER_GENERALIZED_TIME);
    uint8_t tag = time->is_generalized ? TLSMGM_DER_GENERALIZED_TIME : TLSMGM_DER_UTC_TIME;
    return tlsmgm_der_expect(cursor, tag, &time->digits);
}

/*
 * As OpenSSL prints it: "Jan  1 00:00:00 2024 GMT". Writes at most size bytes, terminator
 * included; returns the length of the whole text, 0 when the certificate has no valid time there.
 */
size_t tlsmgm_time_text(struct tlsmgm_certificate_time time, char *out, size_t size);

/* Seconds since 1970, negative before; false when it is no valid time. */
bool tlsmgm_time_unix(struct tlsmgm_certificate_time time, int64_t *seconds);

/* Whether now is within two dates, the second of which does not count any more. Unix times. */
static inline bool tlsmgm_is_between(int64_t from, int64_t until, int64_t now) {
    return from <= now && now < until;
}

/* The same; false when one of them is no valid time. */
static inline bool tlsmgm_time_is_between(struct tlsmgm_certificate_time from,
                                          struct tlsmgm_certificate_time until, int64_t now) {
    int64_t first;
    int64_t end;
    return tlsmgm_time_unix(from, &first) && tlsmgm_time_unix(until, &end) &&
           tlsmgm_is_between(first, end, now);
}

#endif
