#include "session/session_record.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "base/error.h"

#define RECORD_FORMAT 1u

bool tlsmgm_scope_set(struct tlsmgm_scope *scope, struct tlsmgm_bytes bytes) {
    *scope = (struct tlsmgm_scope){0};
    if (bytes.size > sizeof scope->bytes) return false;
    scope->size = (uint8_t)bytes.size;
    if (bytes.size > 0) memcpy(scope->bytes, bytes.data, bytes.size);
    return true;
}

struct tlsmgm_session_owner {
    atomic_uint references;
    uint8_t scope_size;
    uint8_t name_size;
    uint8_t checked_size;
    uint8_t bytes[]; /* of the scope, of the names, each with a 0 behind it */
};

/* Where the next one begins. */
static size_t name_start(const struct tlsmgm_session_owner *owner) { return owner->scope_size; }

static size_t checked_start(const struct tlsmgm_session_owner *owner) {
    return name_start(owner) + owner->name_size + 1;
}

/* Neither is longer than a byte can say. */
static struct tlsmgm_session_owner *
new_owner(const struct tlsmgm_scope *scope, struct tlsmgm_bytes name, struct tlsmgm_bytes checked) {
    struct tlsmgm_session_owner *owner =
        tlsmgm_calloc(1, sizeof *owner + scope->size + name.size + 1 + checked.size + 1);
    if (owner == NULL) return NULL;
    atomic_init(&owner->references, 1);
    owner->scope_size = scope->size;
    owner->name_size = (uint8_t)name.size;
    owner->checked_size = (uint8_t)checked.size;
    memcpy(owner->bytes, scope->bytes, scope->size);
    if (name.size > 0) memcpy(owner->bytes + name_start(owner), name.data, name.size);
    if (checked.size > 0) memcpy(owner->bytes + checked_start(owner), checked.data, checked.size);
    return owner;
}

enum tlsmgm_status tlsmgm_session_owner_new(const struct tlsmgm_scope *scope,
                                            struct tlsmgm_bytes name, const char *verify_name,
                                            struct tlsmgm_session_owner **out,
                                            struct tlsmgm_error *error) {
    struct tlsmgm_bytes checked = {(const uint8_t *)verify_name,
                                   verify_name == NULL ? 0 : strlen(verify_name)};
    *out = NULL;
    if (name.size > TLSMGM_SESSION_NAME_MAX) {
        return tlsmgm_fail_parameter(error, "server_name", "more than %u bytes",
                                     TLSMGM_SESSION_NAME_MAX);
    }
    /* Some would take a leading dot for every name below. */
    if (verify_name != NULL &&
        (checked.size == 0 || checked.size > TLSMGM_SESSION_NAME_MAX || *verify_name == '.')) {
        return tlsmgm_fail_parameter(error, "verify_name", "the name cannot be checked");
    }
    *out = new_owner(scope, name, checked);
    return *out == NULL ? tlsmgm_fail_memory(error) : TLSMGM_STATUS_OK;
}

struct tlsmgm_session_owner *tlsmgm_session_owner_ref(struct tlsmgm_session_owner *owner) {
    atomic_fetch_add(&owner->references, 1);
    return owner;
}

void tlsmgm_session_owner_free(struct tlsmgm_session_owner *owner) {
    if (owner != NULL && atomic_fetch_sub(&owner->references, 1) == 1) tlsmgm_free(owner);
}

struct tlsmgm_bytes tlsmgm_session_owner_name(const struct tlsmgm_session_owner *owner) {
    return (struct tlsmgm_bytes){owner->bytes + name_start(owner), owner->name_size};
}

struct tlsmgm_bytes tlsmgm_session_owner_checked(const struct tlsmgm_session_owner *owner) {
    return (struct tlsmgm_bytes){owner->bytes + checked_start(owner), owner->checked_size};
}

bool tlsmgm_session_owner_has_scope(const struct tlsmgm_session_owner *owner) {
    return owner->scope_size > 0;
}

bool tlsmgm_session_owner_matches(const struct tlsmgm_session_owner *a,
                                  const struct tlsmgm_session_owner *b) {
    return a->scope_size > 0 && a->scope_size == b->scope_size &&
           memcmp(a->bytes, b->bytes, a->scope_size) == 0 &&
           tlsmgm_bytes_equal(tlsmgm_session_owner_name(a), tlsmgm_session_owner_name(b)) &&
           tlsmgm_bytes_equal(tlsmgm_session_owner_checked(a), tlsmgm_session_owner_checked(b));
}

size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size) {
    return 4 + (size_t)owner->scope_size + owner->name_size + owner->checked_size + session_size;
}

uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data) {
    *data++ = RECORD_FORMAT;
    *data++ = owner->scope_size;
    memcpy(data, owner->bytes, owner->scope_size);
    data += owner->scope_size;
    *data++ = owner->name_size;
    memcpy(data, owner->bytes + name_start(owner), owner->name_size);
    data += owner->name_size;
    *data++ = owner->checked_size;
    memcpy(data, owner->bytes + checked_start(owner), owner->checked_size);
    return data + owner->checked_size;
}

enum tlsmgm_status tlsmgm_session_record_export(const struct tlsmgm_session_owner *owner,
                                                size_t session_size, uint8_t *data, size_t *size,
                                                uint8_t **next, struct tlsmgm_error *error) {
    size_t room = *size;
    *next = NULL;
    if (session_size == 0) {
        return tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL, "the session has no bytes");
    }
    *size = tlsmgm_session_record_size(owner, session_size);
    if (data == NULL) return TLSMGM_STATUS_OK;
    if (room < *size) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "%zu bytes are needed", *size);
    }
    *next = tlsmgm_session_record_begin(owner, data);
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_session_record_fail(struct tlsmgm_error *error) {
    return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "this is no saved session");
}

enum tlsmgm_status tlsmgm_session_record_read(struct tlsmgm_bytes record,
                                              struct tlsmgm_session_owner **owner,
                                              struct tlsmgm_bytes *session,
                                              struct tlsmgm_error *error) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(record);
    struct tlsmgm_scope owner_scope;
    struct tlsmgm_bytes scope;
    struct tlsmgm_bytes name;
    struct tlsmgm_bytes checked;
    uint32_t format;
    *owner = NULL;
    if (!tlsmgm_cursor_number(&cursor, 1, &format) || format != RECORD_FORMAT ||
        !tlsmgm_cursor_vector(&cursor, 1, &scope) || !tlsmgm_cursor_vector(&cursor, 1, &name) ||
        !tlsmgm_cursor_vector(&cursor, 1, &checked) || cursor.left == 0 ||
        !tlsmgm_scope_set(&owner_scope, scope)) {
        return tlsmgm_session_record_fail(error);
    }
    *session = (struct tlsmgm_bytes){cursor.next, cursor.left};
    *owner = new_owner(&owner_scope, name, checked);
    return *owner == NULL ? tlsmgm_fail_memory(error) : TLSMGM_STATUS_OK;
}
