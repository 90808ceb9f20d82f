#include "seen.h"

#define COUNTERS 4096u

/* libFuzzer looks at everything in this section after each run, and clears it. */
__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

void seen(enum tlsmgm_status status, const struct tlsmgm_error *error) {
    uint64_t mark = (uint64_t)status;
    if (status > TLSMGM_STATUS_CLOSED) {
        mark = mark * 1000003u + (uint64_t)error->library_code;
        mark = mark * 1000003u + (uint64_t)error->alert;
        mark = mark * 1000003u + (uint64_t)error->verify_reason;
    }
    mark = (mark ^ mark >> 32) * 0x9e3779b97f4a7c15u;
    counters[(mark >> 40) % COUNTERS] = 1;
}
