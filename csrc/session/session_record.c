#include "session/session_record.h"

#include <string.h>

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

enum tlsmgm_status tlsmgm_session_owner_set(struct tlsmgm_session_owner *owner,
                                            const struct tlsmgm_scope *scope,
                                            struct tlsmgm_bytes name, struct tlsmgm_error *error) {
    *owner = (struct tlsmgm_session_owner){.scope = *scope};
    if (name.size > sizeof owner->name) {
        return tlsmgm_fail_parameter(error, "server_name", "more than %u bytes",
                                     TLSMGM_SESSION_NAME_MAX);
    }
    owner->name_size = (uint8_t)name.size;
    if (name.size > 0) memcpy(owner->name, name.data, name.size);
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_session_owner_check(struct tlsmgm_session_owner *owner,
                                              const char *verify_name, struct tlsmgm_error *error) {
    size_t size = verify_name == NULL ? 0 : strlen(verify_name);
    if (verify_name == NULL) return TLSMGM_STATUS_OK;
    /* Some would take a leading dot for every name below. */
    if (size == 0 || size > TLSMGM_SESSION_NAME_MAX || *verify_name == '.') {
        return tlsmgm_fail_parameter(error, "verify_name", "the name cannot be checked");
    }
    owner->checked_size = (uint8_t)size;
    memcpy(owner->checked, verify_name, size);
    return TLSMGM_STATUS_OK;
}

bool tlsmgm_session_owner_matches(const struct tlsmgm_session_owner *a,
                                  const struct tlsmgm_session_owner *b) {
    return a->scope.size > 0 && a->scope.size == b->scope.size && a->name_size == b->name_size &&
           a->checked_size == b->checked_size &&
           memcmp(a->scope.bytes, b->scope.bytes, a->scope.size) == 0 &&
           memcmp(a->name, b->name, a->name_size) == 0 &&
           memcmp(a->checked, b->checked, a->checked_size) == 0;
}

size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size) {
    return 4 + (size_t)owner->scope.size + owner->name_size + owner->checked_size + session_size;
}

uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data) {
    *data++ = RECORD_FORMAT;
    *data++ = owner->scope.size;
    memcpy(data, owner->scope.bytes, owner->scope.size);
    data += owner->scope.size;
    *data++ = owner->name_size;
    memcpy(data, owner->name, owner->name_size);
    data += owner->name_size;
    *data++ = owner->checked_size;
    memcpy(data, owner->checked, owner->checked_size);
    return data + owner->checked_size;
}

bool tlsmgm_session_record_read(struct tlsmgm_bytes record, struct tlsmgm_session_owner *owner,
                                struct tlsmgm_bytes *session) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(record);
    struct tlsmgm_scope owner_scope;
    struct tlsmgm_bytes scope;
    struct tlsmgm_bytes name;
    struct tlsmgm_bytes checked;
    uint32_t format;
    if (!tlsmgm_cursor_number(&cursor, 1, &format) || format != RECORD_FORMAT ||
        !tlsmgm_cursor_vector(&cursor, 1, &scope) || !tlsmgm_cursor_vector(&cursor, 1, &name) ||
        !tlsmgm_cursor_vector(&cursor, 1, &checked)) {
        return false;
    }
    *session = (struct tlsmgm_bytes){cursor.next, cursor.left};
    if (session->size == 0 || !tlsmgm_scope_set(&owner_scope, scope)) return false;
    if (tlsmgm_session_owner_set(owner, &owner_scope, name, NULL) != TLSMGM_STATUS_OK) return false;
    owner->checked_size = (uint8_t)checked.size;
    if (checked.size > 0) memcpy(owner->checked, checked.data, checked.size);
    return true;
}
