/* One connection from the first byte to the last, as an input says. */
#ifndef FUZZ_PLAY_H
#define FUZZ_PLAY_H

#include "input.h"

/* rig_begin() was called before. */
void play(struct input *input);

#endif
