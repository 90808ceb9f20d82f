#include "x509/extension.h"

#include "x509/der.h"

bool tlsmgm_extension_next(struct tlsmgm_cursor *extensions, struct tlsmgm_extension *out) {
    struct tlsmgm_cursor inner;
    out->is_critical = false;
    if (!tlsmgm_der_enter(extensions, TLSMGM_DER_SEQUENCE, &inner)) return false;
    if (!tlsmgm_der_oid(&inner, &out->oid)) return false;
    if (tlsmgm_der_is_next(&inner, TLSMGM_DER_BOOLEAN)) {
        if (!tlsmgm_der_boolean(&inner, &out->is_critical)) return false;
    }
    return tlsmgm_der_expect(&inner, TLSMGM_DER_OCTET_STRING, &out->value) && inner.left == 0;
}

int tlsmgm_extension_number(const struct tlsmgm_extension *extension) {
    const struct tlsmgm_bytes *oid = &extension->oid;
    bool is_ce = oid->size == 3 && oid->data[0] == 0x55 && oid->data[1] == 0x1d;
    return is_ce && oid->data[2] < 0x80 ? oid->data[2] : TLSMGM_EXTENSION_OTHER;
}
