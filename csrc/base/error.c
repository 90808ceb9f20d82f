#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alert.h"

void tlsmgm_error_clear(struct tlsmgm_error *error) {
    if (error == NULL) return;
    *error = (struct tlsmgm_error){.status = TLSMGM_STATUS_OK, .alert = TLSMGM_NO_ALERT};
}

static void write_text(struct tlsmgm_error *error, enum tlsmgm_status status, const char *format,
                       va_list arguments) {
    if (error == NULL) return;
    tlsmgm_error_clear(error);
    error->status = status;
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
}

enum tlsmgm_status tlsmgm_fail(struct tlsmgm_error *error, enum tlsmgm_status status,
                               const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_text(error, status, format, arguments);
    va_end(arguments);
    return status;
}

enum tlsmgm_status tlsmgm_fail_alert(struct tlsmgm_error *error, enum tlsmgm_alert alert,
                                     const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_text(error, TLSMGM_STATUS_PROTOCOL, format, arguments);
    va_end(arguments);
    if (error != NULL) error->alert = (int)alert;
    return TLSMGM_STATUS_PROTOCOL;
}

enum tlsmgm_status tlsmgm_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                         const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_text(error, TLSMGM_STATUS_CONFIG, format, arguments);
    va_end(arguments);
    if (error != NULL) error->parameter = parameter;
    return TLSMGM_STATUS_CONFIG;
}

enum tlsmgm_status tlsmgm_fail_early_close(struct tlsmgm_error *error) {
    (void)tlsmgm_fail(error, TLSMGM_STATUS_ALERT,
                      "the peer sent close_notify during the handshake");
    if (error != NULL) error->alert = TLSMGM_ALERT_CLOSE_NOTIFY;
    return TLSMGM_STATUS_ALERT;
}

enum tlsmgm_status tlsmgm_fail_peer_alert(struct tlsmgm_error *error, int alert) {
    (void)tlsmgm_fail(error, TLSMGM_STATUS_ALERT, "the peer sent alert %d (%s)", alert,
                      tlsmgm_alert_name(alert));
    if (error != NULL) error->alert = alert;
    return TLSMGM_STATUS_ALERT;
}

enum tlsmgm_status tlsmgm_fail_truncated(struct tlsmgm_error *error, bool established) {
    return tlsmgm_fail(error, TLSMGM_STATUS_TRUNCATED, "the peer ended the connection %s",
                       established ? "without close_notify" : "during the handshake");
}

enum tlsmgm_status tlsmgm_fail_verify(struct tlsmgm_error *error, enum tlsmgm_verify_reason reason,
                                      const char *why) {
    if (reason == TLSMGM_VERIFY_MISSING) {
        (void)tlsmgm_fail(error, TLSMGM_STATUS_VERIFY, "the peer sent no certificate");
    } else {
        (void)tlsmgm_fail(error, TLSMGM_STATUS_VERIFY, "the peer's certificate was refused: %s",
                          why);
    }
    if (error != NULL) error->verify_reason = reason;
    return TLSMGM_STATUS_VERIFY;
}

enum tlsmgm_status tlsmgm_fail_library(struct tlsmgm_error *error, const char *parameter,
                                       const char *place, const char *what, const char *reason,
                                       int64_t code) {
    (void)tlsmgm_fail_parameter(error, parameter, "%s%s%s%s%s", place == NULL ? "" : place,
                                place == NULL ? "" : ": ", what, reason == NULL ? "" : ": ",
                                reason == NULL ? "" : reason);
    if (error != NULL) error->library_code = code;
    return TLSMGM_STATUS_CONFIG;
}

enum tlsmgm_status tlsmgm_fail_memory(struct tlsmgm_error *error) {
    return tlsmgm_fail(error, TLSMGM_STATUS_NO_MEMORY, "out of memory");
}
