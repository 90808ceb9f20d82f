/*
 * Clock: the one place where what backends share asks the system for the date. Certificates are
 * held against it; everything below is handed the time, so that tests can say which it is.
 */
#ifndef TLSMGM_CLOCK_H
#define TLSMGM_CLOCK_H

#include <stdint.h>

/* Seconds since 1970. */
int64_t tlsmgm_clock(void);

#endif
