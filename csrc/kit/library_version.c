#include "kit/library_version.h"

#include "base/error.h"

enum tlsmgm_status tlsmgm_series_check(const char *title, struct tlsmgm_series compiled,
                                       struct tlsmgm_series running, struct tlsmgm_error *error) {
    if (compiled.major == running.major && compiled.minor == running.minor) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_UNSUPPORTED,
                       "it was compiled for %s %u.%u, but %s %u.%u is what it meets here; compile "
                       "it anew, or install the library that it was compiled for",
                       title, compiled.major, compiled.minor, title, running.major, running.minor);
}
