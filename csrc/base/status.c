#include "base/status.h"

const char *tlsmgm_status_text(enum tlsmgm_status status) {
    switch (status) {
#define TLSMGM_STATUS(name, text, exception)                                                       \
    case TLSMGM_STATUS_##name:                                                                     \
        return text;
#include "include/status.def"
#undef TLSMGM_STATUS
    }
    return NULL;
}

const char *tlsmgm_status_exception(enum tlsmgm_status status) {
    switch (status) {
#define TLSMGM_STATUS(name, text, exception)                                                       \
    case TLSMGM_STATUS_##name:                                                                     \
        return exception;
#include "include/status.def"
#undef TLSMGM_STATUS
    }
    return NULL;
}

const char *tlsmgm_verify_reason_word(enum tlsmgm_verify_reason reason) {
    switch (reason) {
#define TLSMGM_VERIFY_REASON(name, word)                                                           \
    case TLSMGM_VERIFY_##name:                                                                     \
        return word;
#include "include/verify_reason.def"
#undef TLSMGM_VERIFY_REASON
    }
    return NULL;
}
