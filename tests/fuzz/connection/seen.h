/*
 * What the fuzzer counts as new. The TLS libraries are not instrumented, so what they answer stands
 * for where they have been: every combination of a status, a code of the library and an alert is a
 * counter of its own.
 */
#ifndef FUZZ_SEEN_H
#define FUZZ_SEEN_H

#include "include/tlsmgm.h"

/* error: as the call that returned status has left it. */
void seen(enum tlsmgm_status status, const struct tlsmgm_error *error);

#endif
