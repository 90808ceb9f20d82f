#include "identity.h"

#include <stdlib.h>
#include <string.h>

#define ALTERED_MAX 4u

#define FILES(name, good)                                                                          \
    {{.certificate = {.path = FUZZ_PKI "/" name ".pem"},                                           \
      .private_key = {.path = FUZZ_PKI "/" name ".key"}},                                          \
     good}

struct known_identity {
    struct identity identity;
    bool is_good;
};

static const struct known_identity clients[IDENTITIES] = {
    {{{0}, {0}}, false}, FILES("good", true), FILES("viainter", true), FILES("wrongca", false)};

/* No server but the first has the name that is asked for. */
static const struct known_identity servers[IDENTITIES] = {
    FILES("dom1", true), FILES("good_rsa", false), FILES("viainter", false),
    FILES("wrongca", false)};

struct identity identity_of(bool is_server, size_t which) {
    return (is_server ? servers : clients)[which].identity;
}

bool identity_is_good(bool is_server, size_t which) {
    return (is_server ? servers : clients)[which].is_good;
}

static void encode(struct tlsmgm_bytes bytes, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t count = bytes.size - i < 3 ? bytes.size - i : 3;
        unsigned group = (unsigned)bytes.data[i] << 16;
        if (count > 1) group |= (unsigned)bytes.data[i + 1] << 8;
        if (count > 2) group |= bytes.data[i + 2];
        for (unsigned k = 0; k < 4; k++) {
            *out++ = k <= count ? digits[group >> (18 - 6 * k) & 63u] : '=';
        }
        if (i % 48 == 45) *out++ = '\n';
    }
    *out = '\0';
}

char *identity_forge(struct tlsmgm_bytes der, struct input *input) {
    static const char head[] = "-----BEGIN CERTIFICATE-----\n";
    static const char foot[] = "\n-----END CERTIFICATE-----\n";
    uint8_t *altered = malloc(der.size);
    char *pem = malloc(sizeof head + sizeof foot + der.size * 2);
    if (altered == NULL || pem == NULL) abort();
    memcpy(altered, der.data, der.size);
    for (size_t i = 0; i < ALTERED_MAX && input->left > 0; i++) {
        size_t at = input_number(input, der.size);
        uint8_t mask = input_byte(input);
        if (mask == 0) break;
        altered[at] ^= mask;
    }
    memcpy(pem, head, sizeof head);
    encode((struct tlsmgm_bytes){altered, der.size}, pem + strlen(pem));
    memcpy(pem + strlen(pem), foot, sizeof foot);
    free(altered);
    return pem;
}
