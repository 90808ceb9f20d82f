/*
 * A saved client session in bytes: the scope and the server name it belongs to, then what the
 * library calls a session. A session is offered again only where both are the same, because a
 * resumed handshake checks no certificate.
 */
#ifndef TLSMGM_SESSION_RECORD_H
#define TLSMGM_SESSION_RECORD_H

#include "tlsmgm.h"

#define TLSMGM_SESSION_NAME_MAX 255u

/* To whom a session belongs. */
struct tlsmgm_session_owner {
    uint8_t scope_size;
    uint8_t name_size;
    uint8_t scope[TLSMGM_SCOPE_MAX];
    uint8_t name[TLSMGM_SESSION_NAME_MAX];
};

/* False when a part is too long. */
bool tlsmgm_session_owner_set(struct tlsmgm_session_owner *owner, struct tlsmgm_bytes scope,
                              struct tlsmgm_bytes name);
bool tlsmgm_session_owner_equal(const struct tlsmgm_session_owner *a,
                                const struct tlsmgm_session_owner *b);

/* Size of the record for a library session of that many bytes. */
size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size);

/* Writes everything before the library's bytes; returns where those begin. */
uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data);

/* Takes a record apart; session is borrowed from it. False when it is not a record. */
bool tlsmgm_session_record_read(struct tlsmgm_bytes record, struct tlsmgm_session_owner *owner,
                                struct tlsmgm_bytes *session);

#endif
