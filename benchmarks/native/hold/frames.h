/* Frames over standard input and output: a length of four bytes, big end first, then the content.
 * See benchmarks/workloads/programs/holder.py. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"

/* Longer than any flight of a handshake, and any message that is sent here. */
#define BENCH_FRAME_MAX (64u << 10)

enum bench_frame { BENCH_FRAME_THERE, BENCH_FRAME_END, BENCH_FRAME_BROKEN };

/* BROKEN fills in the fault: the frame is empty, too long, or cut off. */
enum bench_frame bench_frame_read(FILE *in, uint8_t content[BENCH_FRAME_MAX], size_t *size,
                                  struct bench_fault *fault);

/* Writes head and rest as one frame and sends it off. */
bool bench_frame_write(FILE *out, const uint8_t *head, size_t head_size, const uint8_t *rest,
                       size_t rest_size, struct bench_fault *fault);

#endif
