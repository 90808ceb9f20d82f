/* The ClientHello for programs that are not linked with us; embed.h says what it does. */
#ifndef TLSMGM_GREETING_H
#define TLSMGM_GREETING_H

#include "embed.h"

extern const struct tlsmgm_greeting_table tlsmgm_greetings;

#endif
