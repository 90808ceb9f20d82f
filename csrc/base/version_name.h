/* Versions of TLS by the names that people and libraries use. */
#ifndef TLSMGM_VERSION_NAME_H
#define TLSMGM_VERSION_NAME_H

#include "include/tlsmgm.h"

/* Of a version as on the wire, such as "TLSv1.3"; NULL for any other. Static. */
const char *tlsmgm_version_name(uint16_t version);

#endif
