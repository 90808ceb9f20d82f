#include "base/version_name.h"

const char *tlsmgm_version_name(uint16_t version) {
    switch (version) {
        case 0x0301:
            return "TLSv1";
        case 0x0302:
            return "TLSv1.1";
        case TLSMGM_TLS1_2:
            return "TLSv1.2";
        case TLSMGM_TLS1_3:
            return "TLSv1.3";
        default: /* a number of the wire, not ours */
            return NULL;
    }
}
