#include "session_record.h"

#include <string.h>

#include "cursor.h"

#define RECORD_FORMAT 1u

bool tlsmgm_session_owner_set(struct tlsmgm_session_owner *owner, struct tlsmgm_bytes scope,
                              struct tlsmgm_bytes name) {
    *owner = (struct tlsmgm_session_owner){0};
    if (scope.size > sizeof owner->scope || name.size > sizeof owner->name) return false;
    owner->scope_size = (uint8_t)scope.size;
    owner->name_size = (uint8_t)name.size;
    if (scope.size > 0) memcpy(owner->scope, scope.data, scope.size);
    if (name.size > 0) memcpy(owner->name, name.data, name.size);
    return true;
}

bool tlsmgm_session_owner_equal(const struct tlsmgm_session_owner *a,
                                const struct tlsmgm_session_owner *b) {
    return a->scope_size == b->scope_size && a->name_size == b->name_size &&
           memcmp(a->scope, b->scope, a->scope_size) == 0 &&
           memcmp(a->name, b->name, a->name_size) == 0;
}

size_t tlsmgm_session_record_size(const struct tlsmgm_session_owner *owner, size_t session_size) {
    return 3 + (size_t)owner->scope_size + owner->name_size + session_size;
}

uint8_t *tlsmgm_session_record_begin(const struct tlsmgm_session_owner *owner, uint8_t *data) {
    *data++ = RECORD_FORMAT;
    *data++ = owner->scope_size;
    memcpy(data, owner->scope, owner->scope_size);
    data += owner->scope_size;
    *data++ = owner->name_size;
    memcpy(data, owner->name, owner->name_size);
    return data + owner->name_size;
}

bool tlsmgm_session_record_read(struct tlsmgm_bytes record, struct tlsmgm_session_owner *owner,
                                struct tlsmgm_bytes *session) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(record);
    struct tlsmgm_bytes scope;
    struct tlsmgm_bytes name;
    uint32_t format;
    if (!tlsmgm_cursor_number(&cursor, 1, &format) || format != RECORD_FORMAT ||
        !tlsmgm_cursor_vector(&cursor, 1, &scope) || !tlsmgm_cursor_vector(&cursor, 1, &name)) {
        return false;
    }
    *session = (struct tlsmgm_bytes){cursor.next, cursor.left};
    return session->size > 0 && tlsmgm_session_owner_set(owner, scope, name);
}
