/*
 * Text writer: fills a caller's buffer like snprintf(). What does not fit is counted but not
 * written, and the text is always terminated, so a caller can ask for the length first.
 */
#ifndef TLSMGM_TEXT_WRITER_H
#define TLSMGM_TEXT_WRITER_H

#include "base/hex.h"
#include "include/tlsmgm.h"

struct tlsmgm_text_writer {
    char *out;     /* may be NULL when size is 0 */
    size_t size;   /* room in out, terminator included */
    size_t length; /* of the whole text so far, whether it fitted or not */
};

static inline void tlsmgm_text_byte(struct tlsmgm_text_writer *writer, uint8_t byte) {
    if (writer->size > 0 && writer->length < writer->size - 1) {
        writer->out[writer->length] = (char)byte;
    }
    writer->length++;
}

static inline void tlsmgm_text_string(struct tlsmgm_text_writer *writer, const char *text) {
    while (*text != '\0') tlsmgm_text_byte(writer, (uint8_t)*text++);
}

/* In decimal, with zeros in front up to width digits. */
static inline void tlsmgm_text_number(struct tlsmgm_text_writer *writer, uint32_t number,
                                      size_t width) {
    uint8_t digits[10];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = count; i < width; i++) tlsmgm_text_byte(writer, '0');
    while (count > 0) tlsmgm_text_byte(writer, digits[--count]);
}

/* Two small digits. */
static inline void tlsmgm_text_hex(struct tlsmgm_text_writer *writer, uint8_t byte) {
    tlsmgm_text_byte(writer, tlsmgm_hex_lower(byte >> 4));
    tlsmgm_text_byte(writer, tlsmgm_hex_lower(byte));
}

/* Terminates the text and returns its whole length, terminator not counted. */
static inline size_t tlsmgm_text_end(struct tlsmgm_text_writer *writer) {
    if (writer->size > 0) {
        size_t last = writer->size - 1;
        writer->out[writer->length < last ? writer->length : last] = '\0';
    }
    return writer->length;
}

#endif
