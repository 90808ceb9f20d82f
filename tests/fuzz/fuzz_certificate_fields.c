/* Certificates: every field of whatever DER arrives can be written out within bounds. */
#include <stdlib.h>

#include "certificate_fields.h"

/* A size that some texts fit and others do not, so that both ends are tried. */
#define ROOM 48u

static void write_name(struct tlsmgm_bytes name) {
    char text[ROOM];
    size_t length;
    (void)tlsmgm_name_text(name, text, sizeof text);
    for (int which = TLSMGM_COMMON_NAME; which <= TLSMGM_ORGANIZATIONAL_UNIT; which++) {
        (void)tlsmgm_name_attribute(name, (enum tlsmgm_attribute)which, text, sizeof text, &length);
    }
}

static void write_alt_names(struct tlsmgm_bytes names) {
    char text[ROOM];
    size_t length;
    enum tlsmgm_san_kind kind;
    struct tlsmgm_bytes value;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    while (tlsmgm_san_next(&cursor, &kind, &value)) {
        (void)tlsmgm_san_value_text(kind, value, text, sizeof text, &length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_error error;
    char text[ROOM];
    int64_t seconds;
    struct tlsmgm_bytes der = {data, size};
    enum tlsmgm_status status = tlsmgm_certificate_fields_read(der, &fields, &error);
    if (status != TLSMGM_OK && status != TLSMGM_PROTOCOL) abort();
    if (status != TLSMGM_OK) return 0;
    (void)tlsmgm_serial_text(fields.serial, text, sizeof text);
    (void)tlsmgm_time_text(fields.not_before, text, sizeof text);
    (void)tlsmgm_time_unix(fields.not_after, &seconds);
    write_name(fields.issuer);
    write_name(fields.subject);
    write_alt_names(fields.subject_alt_names);
    return 0;
}
