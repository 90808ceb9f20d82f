#include "kit/signature_list.h"

#include <string.h>

#include "base/error.h"

/* One item, which ends at a colon or with the text; *text moves on to the next one. */
static enum tlsmgm_status read_item(const char **text, const char *parameter,
                                    struct tlsmgm_signature_item *out, struct tlsmgm_error *error) {
    out->is_optional = **text == '?';
    const char *name = *text + (out->is_optional ? 1 : 0);
    size_t size = strcspn(name, ":");
    if (size == 0) return tlsmgm_fail_parameter(error, parameter, "an item of it is empty");
    if (size >= sizeof out->name) {
        return tlsmgm_fail_parameter(error, parameter, "an item of it has %zu bytes; %zu are most",
                                     size, sizeof out->name - 1);
    }
    memcpy(out->name, name, size);
    out->name[size] = '\0';
    *text = name + size;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_signature_list_read(const char *text, const char *parameter,
                                              struct tlsmgm_signature_list *out,
                                              struct tlsmgm_error *error) {
    for (out->count = 0;; text++) {
        if (out->count == TLSMGM_SIGNATURES_MAX) {
            return tlsmgm_fail_parameter(error, parameter, "more than %u items",
                                         TLSMGM_SIGNATURES_MAX);
        }
        enum tlsmgm_status status = read_item(&text, parameter, &out->items[out->count], error);
        if (status != TLSMGM_STATUS_OK) return status;
        out->count++;
        if (*text == '\0') return TLSMGM_STATUS_OK;
    }
}

enum tlsmgm_status tlsmgm_fail_signature(struct tlsmgm_error *error, const char *parameter,
                                         const char *library,
                                         const struct tlsmgm_signature_item *item) {
    return tlsmgm_fail_parameter(error, parameter, "%s knows no signature algorithm \"%s\"",
                                 library, item->name);
}
