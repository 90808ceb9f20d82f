/* Warnings to whoever makes a context. */
#ifndef TLSMGM_WARN_H
#define TLSMGM_WARN_H

#include "base/error.h"

/* Tells config->warn, if there is one. format makes one sentence that names file and item. */
void tlsmgm_warn_of(const struct tlsmgm_ctx_config *config, const char *parameter,
                    const char *format, ...) TLSMGM_PRINTF(3, 4);

#endif
