/* Whether the library that runs is the one whose headers a backend was compiled with. */
#ifndef TLSMGM_LIBRARY_VERSION_H
#define TLSMGM_LIBRARY_VERSION_H

#include "include/tlsmgm.h"

/* A series of releases that keep their binary interface. */
struct tlsmgm_series {
    unsigned major;
    unsigned minor;
};

/* OK, or UNSUPPORTED with both series and the library's title in the text. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_series_check(const char *title,
                                                       struct tlsmgm_series compiled,
                                                       struct tlsmgm_series running,
                                                       struct tlsmgm_error *error);

#endif
