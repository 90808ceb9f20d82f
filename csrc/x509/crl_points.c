#include "x509/crl_points.h"

#include "x509/der.h"

#define RELATIVE_NAME TLSMGM_DER_CONSTRUCTED(1)

/* The shortest point with such a name: three headers and an empty set's. */
#define POINT_MIN 8u

/* Reads a DistributionPoint's name, if there is one, and adds it if it is relative. */
static bool count_point(struct tlsmgm_cursor *points, size_t *count) {
    struct tlsmgm_cursor point;
    struct tlsmgm_cursor name;
    struct tlsmgm_der_item item;
    if (!tlsmgm_der_enter(points, TLSMGM_DER_SEQUENCE, &point)) return false;
    if (!tlsmgm_der_is_next(&point, TLSMGM_DER_CONSTRUCTED(0))) return true;
    if (!tlsmgm_der_enter(&point, TLSMGM_DER_CONSTRUCTED(0), &name)) return false;
    if (!tlsmgm_der_next(&name, &item)) return false;
    if (item.tag == RELATIVE_NAME) ++*count;
    return true;
}

static bool count_relative_names(struct tlsmgm_bytes extension, size_t *count) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(extension);
    struct tlsmgm_cursor points;
    *count = 0;
    if (!tlsmgm_der_enter(&whole, TLSMGM_DER_SEQUENCE, &points) || whole.left > 0) return false;
    while (points.left > 0) {
        if (!count_point(&points, count)) return false;
    }
    return true;
}

bool tlsmgm_crl_points_are_bounded(struct tlsmgm_bytes extension, size_t issuer_size) {
    size_t count;
    if (!count_relative_names(extension, &count)) count = extension.size / POINT_MIN + 1;
    if (count == 0) return true;
    /* The name that is copied may also be one of the extension's own (cRLIssuer). */
    return issuer_size <= TLSMGM_CRL_POINTS_MAX && extension.size <= TLSMGM_CRL_POINTS_MAX &&
           issuer_size + extension.size <= TLSMGM_CRL_POINTS_MAX / count;
}
