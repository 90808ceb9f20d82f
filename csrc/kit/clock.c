#include "kit/clock.h"

#include <time.h>

int64_t tlsmgm_clock(void) { return (int64_t)time(NULL); }
