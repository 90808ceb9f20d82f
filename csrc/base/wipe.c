#include "base/wipe.h"

#include <string.h>

void tlsmgm_wipe(void *block, size_t size) {
    if (size == 0) return;
    memset(block, 0, size);
    /* For all the compiler knows, somebody reads the memory here, so it must have been written. */
    __asm__ __volatile__("" : : "r"(block) : "memory");
}
