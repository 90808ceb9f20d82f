/*
 * The fuzzer's bytes, spent one decision at a time. Once they are used up every decision is 0, and
 * 0 is always what an honest program would do: a short input is a handshake that goes well.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "include/tlsmgm.h"

struct input {
    const uint8_t *next;
    size_t left;
};

static inline uint8_t input_byte(struct input *input) {
    if (input->left == 0) return 0;
    input->left--;
    return *input->next++;
}

/* 0 to below - 1; 0 when below is 0. */
static inline size_t input_number(struct input *input, size_t below) {
    size_t high = input_byte(input);
    size_t number = high << 8 | input_byte(input);
    return below == 0 ? 0 : number % below;
}

/* Up to size bytes, as many as there are. */
static inline struct tlsmgm_bytes input_bytes(struct input *input, size_t size) {
    struct tlsmgm_bytes bytes = {input->next, size < input->left ? size : input->left};
    if (bytes.size > 0) input->next += bytes.size;
    input->left -= bytes.size;
    return bytes;
}

#endif
