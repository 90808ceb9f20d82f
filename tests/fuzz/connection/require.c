#include "require.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_require(bool truth, const char *text) {
    if (truth) return;
    (void)fprintf(stderr, "NOT TRUE: %s\n", text);
    abort();
}
