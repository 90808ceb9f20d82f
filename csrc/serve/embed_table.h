/* The table behind the capsule of embed.h, which programs outside never name. */
#ifndef TLSMGM_EMBED_TABLE_H
#define TLSMGM_EMBED_TABLE_H

#include "include/embed.h"

extern const struct tlsmgm_greeting_table tlsmgm_greetings;

#endif
