#include "frames.h"

#define LENGTH 4u

enum bench_frame bench_frame_read(FILE *in, uint8_t content[BENCH_FRAME_MAX], size_t *size,
                                  struct bench_fault *fault) {
    uint8_t length[LENGTH];
    size_t got = fread(length, 1, LENGTH, in);
    if (got == 0 && feof(in)) return BENCH_FRAME_END;
    *size = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
    if (got == LENGTH && (*size == 0 || *size > BENCH_FRAME_MAX)) {
        (void)bench_fail(fault, "a frame of %zu bytes; 1 to %u are wanted", *size, BENCH_FRAME_MAX);
        return BENCH_FRAME_BROKEN;
    }
    if (got == LENGTH && fread(content, 1, *size, in) == *size) return BENCH_FRAME_THERE;
    (void)bench_fail(fault, "a frame was cut off");
    return BENCH_FRAME_BROKEN;
}

bool bench_frame_write(FILE *out, const uint8_t *head, size_t head_size, const uint8_t *rest,
                       size_t rest_size, struct bench_fault *fault) {
    size_t size = head_size + rest_size;
    const uint8_t length[LENGTH] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                    (uint8_t)(size >> 8), (uint8_t)size};
    bool good =
        fwrite(length, 1, LENGTH, out) == LENGTH && fwrite(head, 1, head_size, out) == head_size &&
        (rest_size == 0 || fwrite(rest, 1, rest_size, out) == rest_size) && fflush(out) == 0;
    return good || bench_fail(fault, "the answer cannot be written");
}
