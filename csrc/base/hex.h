/* Hexadecimal digits, of the lowest four bits of a number. */
#ifndef TLSMGM_HEX_H
#define TLSMGM_HEX_H

#include <stdint.h>

static inline uint8_t tlsmgm_hex_lower(uint32_t number) {
    return (uint8_t)"0123456789abcdef"[number & 15];
}

static inline uint8_t tlsmgm_hex_upper(uint32_t number) {
    return (uint8_t)"0123456789ABCDEF"[number & 15];
}

#endif
