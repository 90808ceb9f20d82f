#include "base/alert.h"

#include <string.h>

#define CONTENT_ALERT 21
#define LEVEL_FATAL   2

const char *tlsmgm_alert_name(int alert) {
    switch (alert) {
#define TLSMGM_ALERT_NAME(number, name)                                                            \
    case number:                                                                                   \
        return #name;
#include "base/alert.def"
#undef TLSMGM_ALERT_NAME
        default: /* a number of the wire, not ours */
            return "unknown";
    }
}

void tlsmgm_alert_record(enum tlsmgm_alert alert, uint8_t record[TLSMGM_ALERT_RECORD_SIZE]) {
    const uint8_t bytes[TLSMGM_ALERT_RECORD_SIZE] = {
        CONTENT_ALERT, 3, 3, 0, 2, LEVEL_FATAL, (uint8_t)alert,
    };
    memcpy(record, bytes, sizeof bytes);
}
