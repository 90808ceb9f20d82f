/* Ends the process where something is not true, so that the fuzzer keeps the input. */
#ifndef FUZZ_REQUIRE_H
#define FUZZ_REQUIRE_H

#include <stdbool.h>

/* text says what should have been true. */
void fuzz_require(bool truth, const char *text);

#endif
