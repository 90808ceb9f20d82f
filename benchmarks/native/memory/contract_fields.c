#include "contract_fields.h"

#include "x509/certificate_fields.h"

#define TEXT_SIZE 2048u

static void read_name(struct tlsmgm_bytes name, char text[TEXT_SIZE]) {
    size_t length = 0;
    (void)tlsmgm_name_text(name, text, TEXT_SIZE);
    for (int which = TLSMGM_COMMON_NAME; which <= TLSMGM_ORGANIZATIONAL_UNIT; which++) {
        (void)tlsmgm_name_attribute(name, (enum tlsmgm_attribute)which, text, TEXT_SIZE, &length);
    }
}

bool bench_contract_fields(struct tlsmgm_bytes der, struct bench_fault *fault) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_error error;
    char text[TEXT_SIZE];
    size_t length = 0;
    if (tlsmgm_certificate_fields_read(der, &fields, &error) != TLSMGM_STATUS_OK) {
        return bench_fail(fault, "certificate: %s", error.text);
    }
    read_name(fields.subject, text);
    read_name(fields.issuer, text);
    for (int kind = TLSMGM_SAN_EMAIL; kind <= TLSMGM_SAN_IP; kind++) {
        (void)tlsmgm_san_text(fields.subject_alt_names, (enum tlsmgm_san_kind)kind, text,
                              sizeof text, &length);
    }
    size_t written = tlsmgm_serial_text(fields.serial, text, sizeof text);
    bool good = written > 0 && tlsmgm_time_text(fields.not_before, text, sizeof text) > 0 &&
                tlsmgm_time_text(fields.not_after, text, sizeof text) > 0;
    return good || bench_fail(fault, "certificate: a field has no text");
}
