#include "serve/selector.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text_writer.h"

/* Of a name in a message: what is left of its 256 bytes. */
#define NAME_TEXT_MAX 160u

struct tlsmgm_selector {
    atomic_size_t references;
    struct tlsmgm_match_index *index;
    size_t hello_limit;
    uint64_t generation;
    size_t count;
    struct tlsmgm_ctx_handle contexts[]; /* each with a reference */
};

static void clear(struct tlsmgm_selector *selector) {
    for (size_t i = 0; i < selector->count; i++) {
        selector->contexts[i].backend->ctx_free(selector->contexts[i].ctx);
    }
    tlsmgm_match_index_free(selector->index);
    tlsmgm_free(selector);
}

static struct tlsmgm_selector *allocate(size_t count) {
    struct tlsmgm_selector *selector = NULL;
    if (count > (SIZE_MAX - sizeof *selector) / sizeof selector->contexts[0]) return NULL;
    return tlsmgm_calloc(1, sizeof *selector + count * sizeof selector->contexts[0]);
}

enum tlsmgm_status tlsmgm_selector_new(struct tlsmgm_match_index *index,
                                       const struct tlsmgm_ctx_handle *contexts, size_t count,
                                       size_t hello_limit, uint64_t generation,
                                       struct tlsmgm_selector **out, struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_selector *selector = allocate(count);
    if (selector == NULL) return tlsmgm_fail_memory(error);
    atomic_init(&selector->references, 1);
    selector->index = tlsmgm_match_index_ref(index);
    selector->hello_limit = hello_limit;
    selector->generation = generation;
    for (size_t i = 0; i < count; i++) {
        if (!contexts[i].is_server) {
            clear(selector);
            return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "a client context cannot answer");
        }
        selector->contexts[i] = contexts[i];
        selector->contexts[i].ctx = contexts[i].backend->ctx_ref(contexts[i].ctx);
        selector->count++;
    }
    *out = selector;
    return TLSMGM_STATUS_OK;
}

struct tlsmgm_selector *tlsmgm_selector_ref(struct tlsmgm_selector *selector) {
    if (selector != NULL) atomic_fetch_add(&selector->references, 1);
    return selector;
}

void tlsmgm_selector_free(struct tlsmgm_selector *selector) {
    if (selector != NULL && atomic_fetch_sub(&selector->references, 1) == 1) clear(selector);
}

size_t tlsmgm_selector_hello_limit(const struct tlsmgm_selector *selector) {
    return selector->hello_limit;
}

uint64_t tlsmgm_selector_generation(const struct tlsmgm_selector *selector) {
    return selector->generation;
}

/* For people; a stranger has written it. */
static void quote(struct tlsmgm_bytes name, char out[NAME_TEXT_MAX]) {
    struct tlsmgm_text_writer writer = {.out = out, .size = NAME_TEXT_MAX};
    for (size_t i = 0; i < name.size && writer.length + 5 < NAME_TEXT_MAX; i++) {
        uint8_t byte = name.data[i];
        if (byte > ' ' && byte <= '~' && byte != '\'' && byte != '\\') {
            tlsmgm_text_byte(&writer, byte);
            continue;
        }
        tlsmgm_text_string(&writer, "\\x");
        tlsmgm_text_hex(&writer, byte);
    }
    (void)tlsmgm_text_end(&writer);
}

static enum tlsmgm_status fail_no_domain(struct tlsmgm_bytes name, struct tlsmgm_error *error) {
    char text[NAME_TEXT_MAX];
    quote(name, text);
    (void)tlsmgm_fail(error, TLSMGM_STATUS_NO_DOMAIN,
                      name.data != NULL
                          ? "no server domain answers at this address for the name '%s'"
                          : "no server domain answers at this address for clients that send no "
                            "name%s",
                      text);
    if (error != NULL) error->alert = TLSMGM_ALERT_UNRECOGNIZED_NAME;
    return TLSMGM_STATUS_NO_DOMAIN;
}

enum tlsmgm_status tlsmgm_selector_choose(const struct tlsmgm_selector *selector,
                                          const struct tlsmgm_local *local,
                                          struct tlsmgm_bytes name, uint32_t *domain,
                                          struct tlsmgm_error *error) {
    *domain = TLSMGM_MATCH_NONE;
    if (selector != NULL) {
        *domain = tlsmgm_match_index_find(selector->index, local->address, local->port, name);
    }
    return *domain == TLSMGM_MATCH_NONE ? fail_no_domain(name, error) : TLSMGM_STATUS_OK;
}

const struct tlsmgm_ctx_handle *tlsmgm_selector_context(const struct tlsmgm_selector *selector,
                                                        uint32_t domain) {
    return domain < selector->count ? &selector->contexts[domain] : NULL;
}
