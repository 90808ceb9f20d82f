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

/* To whom a session belongs: counted and immutable, for a connection and its sessions share it. */
struct tlsmgm_session_owner;

/*
 * name: sent to the server. verify_name: what the peer's certificate must carry, or NULL. CONFIG
 * when a name is too long, or verify_name cannot be checked, or NO_MEMORY; then *out is NULL.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_session_owner_new(const struct tlsmgm_scope *scope,
                                                            struct tlsmgm_bytes name,
                                                            const char *verify_name,
                                                            struct tlsmgm_session_owner **out,
                                                            struct tlsmgm_error *error);
struct tlsmgm_session_owner *tlsmgm_session_owner_ref(struct tlsmgm_session_owner *owner);
void tlsmgm_session_owner_free(struct tlsmgm_session_owner *owner); /* NULL is legal */

/* Borrowed, as long as the owner lives. A 0 follows each of the two. */
struct tlsmgm_bytes tlsmgm_session_owner_name(const struct tlsmgm_session_owner *owner);
struct tlsmgm_bytes tlsmgm_session_owner_checked(const struct tlsmgm_session_owner *owner);

/* Whether there is a scope; without one no session is kept. */
bool tlsmgm_session_owner_has_scope(const struct tlsmgm_session_owner *owner);

/* May a session of the one be offered by the other? There is a scope, and all are the same. */
bool tlsmgm_session_owner_matches(const struct tlsmgm_session_owner *a,
                                  const struct tlsmgm_session_owner *b);

/* Size of the record for a library session of that many bytes. */
size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size);

/* Writes everything before the library's bytes; returns where those begin. */
uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data);

/*
 * Begins an export as struct tlsmgm_backend has it, of a library session that is not empty. Sets
 * *next to where the library's bytes go, or to NULL where only the size was asked for.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_session_record_export(const struct tlsmgm_session_owner *owner, size_t session_size,
                             uint8_t *data, size_t *size, uint8_t **next,
                             struct tlsmgm_error *error);

/*
 * Takes a record apart: a new owner, and session borrowed from the record. OK, CONFIG when it is
 * none, or NO_MEMORY; then there is no owner.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_session_record_read(struct tlsmgm_bytes record,
                                                              struct tlsmgm_session_owner **owner,
                                                              struct tlsmgm_bytes *session,
                                                              struct tlsmgm_error *error);

/* There are bytes, but the library takes no session out of them, or they are no record: CONFIG. */
enum tlsmgm_status tlsmgm_session_record_fail(struct tlsmgm_error *error);

#endif
