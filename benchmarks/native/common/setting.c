#include "setting.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *bench_version_text(uint16_t version) {
    if (version == BENCH_TLS1_2) return "1.2";
    return version == BENCH_TLS1_3 ? "1.3" : "unknown";
}

static bool read_version(struct bench_words *words, uint16_t *version, struct bench_fault *fault) {
    const char *value = bench_words_find(words, "version");
    if (value == NULL) return true;
    *version = strcmp(value, "1.2") == 0 ? BENCH_TLS1_2 : BENCH_TLS1_3;
    if (strcmp(value, bench_version_text(*version)) == 0) return true;
    return bench_fail(fault, "version=%.60s: 1.2 or 1.3 is wanted", value);
}

static bool read_paths(struct bench_words *words, struct bench_setting *setting,
                       struct bench_fault *fault) {
    return bench_words_text(words, "certificate", setting->certificate, BENCH_PATH_SIZE, fault) &&
           bench_words_text(words, "key", setting->key, BENCH_PATH_SIZE, fault) &&
           bench_words_text(words, "ca", setting->ca, BENCH_PATH_SIZE, fault) &&
           bench_words_text(words, "client_certificate", setting->client_certificate,
                            BENCH_PATH_SIZE, fault) &&
           bench_words_text(words, "client_key", setting->client_key, BENCH_PATH_SIZE, fault);
}

static bool check_whole(const struct bench_setting *setting, struct bench_fault *fault) {
    bool shows_certificate = *setting->client_certificate != '\0';
    if (setting->resume && !setting->tickets) {
        return bench_fail(fault, "resume=yes needs tickets=yes");
    }
    if (shows_certificate != (*setting->client_key != '\0')) {
        return bench_fail(fault, "client_certificate and client_key go together");
    }
    if (setting->mutual && (!shows_certificate || *setting->ca == '\0')) {
        return bench_fail(fault, "mutual=yes needs client_certificate, client_key and ca");
    }
    return true;
}

bool bench_setting_read(struct bench_words *words, struct bench_setting *setting,
                        struct bench_fault *fault) {
    *setting = (struct bench_setting){.version = BENCH_TLS1_3, .group = "X25519"};
    if (!read_version(words, &setting->version, fault)) return false;
    strcpy(setting->cipher, setting->version == BENCH_TLS1_3 ? "TLS_AES_128_GCM_SHA256"
                                                             : "ECDHE-ECDSA-AES128-GCM-SHA256");
    return bench_words_text(words, "cipher", setting->cipher, sizeof setting->cipher, fault) &&
           bench_words_text(words, "group", setting->group, sizeof setting->group, fault) &&
           bench_words_text(words, "server_name", setting->server_name, sizeof setting->server_name,
                            fault) &&
           read_paths(words, setting, fault) &&
           bench_words_flag(words, "tickets", &setting->tickets, fault) &&
           bench_words_flag(words, "resume", &setting->resume, fault) &&
           bench_words_flag(words, "mutual", &setting->mutual, fault) &&
           check_whole(setting, fault);
}

/* The curve of P-256 has three names. */
static const char *common_name(const char *group) {
    bool is_p256 = strcasecmp(group, "P-256") == 0 || strcasecmp(group, "prime256v1") == 0;
    return is_p256 ? "secp256r1" : group;
}

void bench_setting_groups(const struct bench_setting *setting, bool is_server,
                          char out[BENCH_GROUPS_SIZE]) {
    bool is_shown_one = !is_server || setting->mutual;
    bool adds_curve = is_shown_one && setting->version == BENCH_TLS1_2 &&
                      strcasecmp(common_name(setting->group), "secp256r1") != 0;
    (void)snprintf(out, BENCH_GROUPS_SIZE, "%s%s", setting->group, adds_curve ? ":P-256" : "");
}

bool bench_setting_check(const struct bench_setting *setting, const struct bench_facts *facts,
                         bool is_resumed, struct bench_fault *fault) {
    if (facts->version != setting->version) {
        return bench_fail(fault, "TLS %s was negotiated instead of %s",
                          bench_version_text(facts->version), bench_version_text(setting->version));
    }
    if (strcmp(facts->cipher, setting->cipher) != 0) {
        return bench_fail(fault, "cipher %s was negotiated instead of %s", facts->cipher,
                          setting->cipher);
    }
    if (facts->is_resumed != is_resumed) {
        return bench_fail(fault, "the handshake was %s instead of %s",
                          facts->is_resumed ? "resumed" : "full", is_resumed ? "resumed" : "full");
    }
    /* A resumed handshake of TLS 1.2 exchanges no keys. */
    bool has_exchange = !is_resumed || setting->version == BENCH_TLS1_3;
    if (has_exchange && strcasecmp(common_name(facts->group), common_name(setting->group)) != 0) {
        return bench_fail(fault, "group %s was negotiated instead of %s",
                          *facts->group == '\0' ? "(unknown)" : facts->group, setting->group);
    }
    return true;
}
