/*
 * A saved client session in bytes: the scope and the names it belongs to, then what the
 * library calls a session. A session is offered again only where all are the same, because a
 * resumed handshake checks no certificate.
 */
#ifndef TLSMGM_SESSION_RECORD_H
#define TLSMGM_SESSION_RECORD_H

#include "include/tlsmgm.h"

#define TLSMGM_SESSION_NAME_MAX 255u

/* The rules under which a session was made, as an opaque token; see tlsmgm_ctx_config.scope. */
struct tlsmgm_scope {
    uint8_t size;
    uint8_t bytes[TLSMGM_SCOPE_MAX];
};

/* False when there are more bytes than TLSMGM_SCOPE_MAX. */
bool tlsmgm_scope_set(struct tlsmgm_scope *scope, struct tlsmgm_bytes bytes);

/* To whom a session belongs. */
struct tlsmgm_session_owner {
    struct tlsmgm_scope scope;
    uint8_t name_size;
    uint8_t checked_size;
    uint8_t name[TLSMGM_SESSION_NAME_MAX];     /* sent to the server */
    char checked[TLSMGM_SESSION_NAME_MAX + 1]; /* looked for in its certificate; terminated */
};

/* CONFIG when the name is too long. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_session_owner_set(struct tlsmgm_session_owner *owner,
                                                            const struct tlsmgm_scope *scope,
                                                            struct tlsmgm_bytes name,
                                                            struct tlsmgm_error *error);

/* The name that the peer's certificate must carry, or NULL; CONFIG when it is empty or too long. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_session_owner_check(struct tlsmgm_session_owner *owner,
                                                              const char *verify_name,
                                                              struct tlsmgm_error *error);

/* May a session of the one be offered by the other? There is a scope, and all are the same. */
bool tlsmgm_session_owner_matches(const struct tlsmgm_session_owner *a,
                                  const struct tlsmgm_session_owner *b);

/* Size of the record for a library session of that many bytes. */
size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size);

/* Writes everything before the library's bytes; returns where those begin. */
uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data);

/* Takes a record apart; session is borrowed from it. False when it is not a record. */
bool tlsmgm_session_record_read(struct tlsmgm_bytes record, struct tlsmgm_session_owner *owner,
                                struct tlsmgm_bytes *session);

#endif
