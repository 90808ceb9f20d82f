#include "status.h"

const char *tlsmgm_status_text(enum tlsmgm_status status) {
    switch (status) {
#define TLSMGM_STATUS(name, text, exception)                                                       \
    case TLSMGM_##name:                                                                            \
        return text;
#include "status.def"
#undef TLSMGM_STATUS
    }
    return NULL;
}

const char *tlsmgm_status_exception(enum tlsmgm_status status) {
    switch (status) {
#define TLSMGM_STATUS(name, text, exception)                                                       \
    case TLSMGM_##name:                                                                            \
        return exception;
#include "status.def"
#undef TLSMGM_STATUS
    }
    return NULL;
}

const char *tlsmgm_verify_reason_word(enum tlsmgm_verify_reason reason) {
    switch (reason) {
#define TLSMGM_VERIFY_REASON(name, word)                                                           \
    case TLSMGM_VERIFY_##name:                                                                     \
        return word;
#include "verify_reason.def"
#undef TLSMGM_VERIFY_REASON
    }
    return NULL;
}

const char *tlsmgm_alert_name(int alert) {
    switch (alert) {
#define TLSMGM_ALERT_NAME(number, name)                                                            \
    case number:                                                                                   \
        return #name;
#include "alert_name.def"
#undef TLSMGM_ALERT_NAME
        default: /* a number of the wire, not ours */
            return "unknown";
    }
}
