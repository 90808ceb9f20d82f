#include "base/warn.h"

#include <stdarg.h>
#include <stdio.h>

#define WARNING_SIZE 512u

void tlsmgm_warn_of(const struct tlsmgm_ctx_config *config, const char *parameter,
                    const char *format, ...) {
    char text[WARNING_SIZE];
    va_list arguments;
    if (config->warn == NULL) return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config->warn(config->warn_argument, parameter, text);
}
