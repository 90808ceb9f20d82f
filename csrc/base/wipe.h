/* Wiping of secrets. */
#ifndef TLSMGM_WIPE_H
#define TLSMGM_WIPE_H

#include <stddef.h>

/* Overwrites memory in a way that the compiler may not leave out. */
void tlsmgm_wipe(void *block, size_t size);

#endif
