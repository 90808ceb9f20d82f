/* Names of cipher suites: OpenSSL's up to TLS 1.2, IANA's in TLS 1.3, and what they stand for. */
#include <stdio.h>
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/count.h"
#include "kit/cipher_list.h"

struct name_pair {
    const char *native;
    const char *common;
};

/* wolfSSL has names of its own for the suites of TLS 1.3. Those not here are not offered. */
static const struct name_pair tls1_3_names[] = {
    {"TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
    {"TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
    {"TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    {"TLS13-AES128-CCM-SHA256", "TLS_AES_128_CCM_SHA256"},
    {"TLS13-AES128-CCM-8-SHA256", "TLS_AES_128_CCM_8_SHA256"},
};

static struct tlsmgm_cipher_names names;

const char *wssl_cipher_common_name(const char *native) {
    if (native == NULL || strncmp(native, "TLS13-", 6) != 0) return native;
    for (size_t i = 0; i < TLSMGM_COUNT(tls1_3_names); i++) {
        if (strcmp(tls1_3_names[i].native, native) == 0) return tls1_3_names[i].common;
    }
    return NULL;
}

void wssl_ciphers_init(void) {
    const char *native;
    for (int i = 0; (native = wolfSSL_get_cipher_list(i)) != NULL; i++) {
        const char *name = wssl_cipher_common_name(native);
        if (name != NULL) tlsmgm_cipher_names_add(&names, name);
    }
}

const char *wssl_cipher_name(size_t index) { return tlsmgm_cipher_names_at(&names, index); }

bool wssl_cipher_is_known(struct tlsmgm_bytes word) {
    return tlsmgm_cipher_names_have(&names, word);
}

static bool has(const char *name, const char *part) { return strstr(name, part) != NULL; }

int wssl_cipher_bits(const char *name) {
    if (has(name, "NULL")) return 0;
    if (has(name, "AES128") || has(name, "AES_128") || has(name, "CAMELLIA128")) return 128;
    if (has(name, "DES-CBC3")) return 168;
    return 256;
}

static const char *key_exchange(const char *name) {
    if (strncmp(name, "TLS_", 4) == 0) return "any";
    if (strncmp(name, "ECDHE-", 6) == 0) return has(name, "-PSK-") ? "ECDHEPSK" : "ECDH";
    if (strncmp(name, "DHE-PSK-", 8) == 0) return "DHEPSK";
    if (strncmp(name, "DHE-", 4) == 0 || strncmp(name, "ADH-", 4) == 0) return "DH";
    if (strncmp(name, "PSK-", 4) == 0) return "PSK";
    return "RSA";
}

static const char *authentication(const char *name) {
    if (strncmp(name, "TLS_", 4) == 0) return "any";
    if (has(name, "PSK-")) return "PSK";
    if (strncmp(name, "ADH-", 4) == 0) return "None";
    return has(name, "ECDSA") ? "ECDSA" : "RSA";
}

static const char *encryption(const char *name) {
    if (has(name, "NULL")) return "None";
    if (has(name, "CHACHA20")) return "CHACHA20/POLY1305";
    if (has(name, "CCM_8") || has(name, "CCM8") || has(name, "CCM-8")) return "AESCCM8";
    if (has(name, "CCM")) return "AESCCM";
    if (has(name, "GCM")) return "AESGCM";
    if (has(name, "CAMELLIA")) return "Camellia";
    if (has(name, "DES-CBC3")) return "3DES";
    return "AES";
}

static const char *integrity(const char *name) {
    if (has(name, "GCM") || has(name, "CCM") || has(name, "CHACHA20")) return "AEAD";
    if (has(name, "SHA384")) return "SHA384";
    return has(name, "SHA256") ? "SHA256" : "SHA1";
}

void wssl_cipher_describe(const char *name, uint16_t version, char *out, size_t size) {
    char encrypted[32];
    (void)snprintf(encrypted, sizeof encrypted, "%s(%d)", encryption(name), wssl_cipher_bits(name));
    (void)snprintf(out, size, "%-30s %-7s Kx=%-8s Au=%-5s Enc=%-22s Mac=%-4s\n", name,
                   version == TLSMGM_TLS1_3 ? "TLSv1.3" : "TLSv1.2", key_exchange(name),
                   authentication(name), encrypted, integrity(name));
}
