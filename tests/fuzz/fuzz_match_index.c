/* Match index: any patterns, any name; the index answers only with domains it was given. */
#include <stdlib.h>

#include "match/match_index.h"

#define ENTRIES_MAX 16u

/* Pieces of the input between NUL bytes: the first is the name, the others are patterns. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_match_entry entries[ENTRIES_MAX];
    static const struct tlsmgm_siphash_key key = {{0}};
    struct tlsmgm_match_index *index = NULL;
    struct tlsmgm_bytes name = {data, 0};
    struct tlsmgm_error error;
    const uint8_t address[16] = {0};
    size_t count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= size && count < ENTRIES_MAX; i++) {
        if (i < size && data[i] != 0) continue;
        struct tlsmgm_bytes piece = {data + start, i - start};
        if (start == 0) {
            name = piece;
        } else {
            entries[count] = (struct tlsmgm_match_entry){
                .any_address = (count & 1u) != 0, .pattern = piece, .domain = (uint32_t)count};
            count++;
        }
        start = i + 1;
    }
    if (data == NULL ||
        tlsmgm_match_index_new(entries, count, &key, &index, &error) != TLSMGM_STATUS_OK) {
        return 0;
    }
    uint32_t found = tlsmgm_match_index_find(index, address, 0, name);
    if (found != TLSMGM_MATCH_NONE && found >= count) abort();
    tlsmgm_match_index_free(index);
    return 0;
}
