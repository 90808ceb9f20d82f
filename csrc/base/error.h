/* Filling in struct tlsmgm_error. */
#ifndef TLSMGM_ERROR_H
#define TLSMGM_ERROR_H

#include "include/tlsmgm.h"

#if defined(__GNUC__)
#define TLSMGM_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TLSMGM_PRINTF(text, first)
#endif

/*
 * Everything but OK leaves through one of these. error may be NULL. All return the status that they
 * were told or that stands here, so nothing is lost where that is not read: here and in other rooms
 * functions with "fail" in their names are not TLSMGM_MUST_USE.
 */

/* A status with a text of our own. */
enum tlsmgm_status tlsmgm_fail(struct tlsmgm_error *error, enum tlsmgm_status status,
                               const char *format, ...) TLSMGM_PRINTF(3, 4);

/* The peer broke the protocol; alert is what it is told. */
enum tlsmgm_status tlsmgm_fail_alert(struct tlsmgm_error *error, enum tlsmgm_alert alert,
                                     const char *format, ...) TLSMGM_PRINTF(3, 4);

/* A parameter cannot be used: TLSMGM_STATUS_CONFIG with the field's name. */
enum tlsmgm_status tlsmgm_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                         const char *format, ...) TLSMGM_PRINTF(3, 4);

/*
 * close_notify before the handshake was complete: ALERT. Anybody on the line can have sent it, so
 * it is no end of the data, as CLOSED would be.
 */
enum tlsmgm_status tlsmgm_fail_early_close(struct tlsmgm_error *error);

/* The peer sent an alert that ends the connection: ALERT, in the same words for all libraries. */
enum tlsmgm_status tlsmgm_fail_peer_alert(struct tlsmgm_error *error, int alert);

/* The peer's end of the connection is closed, without a word: TRUNCATED. */
enum tlsmgm_status tlsmgm_fail_truncated(struct tlsmgm_error *error, bool established);

/* The peer's certificate was refused: VERIFY. Where it is MISSING, why is not looked at. */
enum tlsmgm_status tlsmgm_fail_verify(struct tlsmgm_error *error, enum tlsmgm_verify_reason reason,
                                      const char *why);

/*
 * A parameter cannot be used, as a library says: CONFIG with "place: what: reason" and the
 * library's own number. place and reason may be NULL.
 */
enum tlsmgm_status tlsmgm_fail_library(struct tlsmgm_error *error, const char *parameter,
                                       const char *place, const char *what, const char *reason,
                                       int64_t code);

enum tlsmgm_status tlsmgm_fail_memory(struct tlsmgm_error *error);

/* Resets error to OK, no alert, no text. */
void tlsmgm_error_clear(struct tlsmgm_error *error);

#endif
