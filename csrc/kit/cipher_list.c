#include "kit/cipher_list.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#define SEPARATORS ":;, \t\r\n" /* as OpenSSL has them */

struct tlsmgm_bytes tlsmgm_cipher_word_next(const char **text) {
    const char *word = *text + strspn(*text, SEPARATORS);
    size_t size = strcspn(word, SEPARATORS);
    *text = word + size;
    return (struct tlsmgm_bytes){.data = (const uint8_t *)word, .size = size};
}

/* IANA's names of TLS 1.3 suites; no OpenSSL name of an older suite begins so. */
static bool is_tls1_3(struct tlsmgm_bytes word) {
    return word.size > 4 && memcmp(word.data, "TLS_", 4) == 0;
}

static void append_word(char *list, struct tlsmgm_bytes word) {
    size_t at = strlen(list);
    if (at > 0) list[at++] = ':';
    memcpy(list + at, word.data, word.size);
    list[at + word.size] = '\0';
}

enum tlsmgm_status tlsmgm_cipher_list_split(const char *text, struct tlsmgm_cipher_list *out,
                                            struct tlsmgm_error *error) {
    size_t room = strlen(text) + 1;
    out->older = tlsmgm_calloc(room, 1);
    out->tls1_3 = tlsmgm_calloc(room, 1);
    if (out->older == NULL || out->tls1_3 == NULL) {
        tlsmgm_cipher_list_free(out);
        return tlsmgm_fail_memory(error);
    }
    for (;;) {
        struct tlsmgm_bytes word = tlsmgm_cipher_word_next(&text);
        if (word.size == 0) return TLSMGM_STATUS_OK;
        append_word(is_tls1_3(word) ? out->tls1_3 : out->older, word);
    }
}

void tlsmgm_cipher_list_free(struct tlsmgm_cipher_list *list) {
    tlsmgm_free(list->older);
    tlsmgm_free(list->tls1_3);
    *list = (struct tlsmgm_cipher_list){0};
}

void tlsmgm_cipher_names_add(struct tlsmgm_cipher_names *table, const char *name) {
    if (table->count < TLSMGM_CIPHERS_MAX) table->names[table->count++] = name;
}

const char *tlsmgm_cipher_names_at(const struct tlsmgm_cipher_names *table, size_t index) {
    return index < table->count ? table->names[index] : NULL;
}

bool tlsmgm_cipher_names_have(const struct tlsmgm_cipher_names *table, struct tlsmgm_bytes word) {
    for (size_t i = 0; i < table->count; i++) {
        struct tlsmgm_bytes name = {(const uint8_t *)table->names[i], strlen(table->names[i])};
        if (tlsmgm_bytes_equal(name, word)) return true;
    }
    return false;
}
