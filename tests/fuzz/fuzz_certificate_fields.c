/* Certificates: every field of whatever DER arrives can be written out within bounds. */
#include <stdlib.h>

#include "x509/certificate_fields.h"
#include "x509/key_kind.h"
#include "x509/peer_name.h"

/* A size that some texts fit and others do not, so that both ends are tried. */
#define ROOM 48u

static void write_name(struct tlsmgm_bytes name) {
    char text[ROOM];
    size_t length;
    (void)tlsmgm_name_text(name, text, sizeof text);
    for (int which = TLSMGM_COMMON_NAME; which <= TLSMGM_SERIAL_NUMBER; which++) {
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

/* What might be an IP address is looked for among the addresses. */
static bool looks_like_address(struct tlsmgm_bytes name) {
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool is_hex =
            (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
        if (!is_hex && byte != '.' && byte != ':') return false;
    }
    return true;
}

/* Names are looked for by both rules: those that stand there, and what else the bytes hold. */
static void look_for_names(struct tlsmgm_bytes der, struct tlsmgm_bytes names) {
    struct tlsmgm_peer_rules rules = {
        .names = {.data = (uint8_t *)(uintptr_t)der.data, .size = der.size}};
    enum tlsmgm_san_kind kind;
    struct tlsmgm_bytes value;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    while (tlsmgm_san_next(&cursor, &kind, &value)) {
        bool is_host = tlsmgm_peer_has_name(names, value, false);
        bool has_text = value.size > 0 && value.data[value.size - 1] != '.';
        if (kind == TLSMGM_SAN_HOSTNAME && has_text && !is_host && !looks_like_address(value))
            abort();
        (void)tlsmgm_peer_has_name(names, value, true);
    }
    (void)tlsmgm_peer_is_expected(names, &rules, (struct tlsmgm_bytes){0});
    (void)tlsmgm_key_kind(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_error error;
    char text[ROOM];
    int64_t seconds;
    struct tlsmgm_bytes der = {data, size};
    enum tlsmgm_status status = tlsmgm_certificate_fields_read(der, &fields, &error);
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_PROTOCOL) abort();
    if (status != TLSMGM_STATUS_OK) return 0;
    (void)tlsmgm_serial_text(fields.serial, text, sizeof text);
    (void)tlsmgm_time_text(fields.not_before, text, sizeof text);
    (void)tlsmgm_time_unix(fields.not_after, &seconds);
    write_name(fields.issuer);
    write_name(fields.subject);
    write_alt_names(fields.subject_alt_names);
    look_for_names(der, fields.subject_alt_names);
    return 0;
}
