#include "contract.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "session/ticket_keys.h"

/* Both given by build.py, one program for each library. */
#include BENCH_BACKEND_HEADER
const struct tlsmgm_backend *const bench_backend = &BENCH_BACKEND;

/* Enough for any chain that is measured. */
#define VERIFY_DEPTH 9

bool bench_contract_fail(struct bench_fault *fault, const char *what,
                         const struct tlsmgm_error *error) {
    const char *parameter = error->parameter == NULL ? "" : error->parameter;
    return bench_fail(fault, "%s: %s%s%s", what, parameter, *parameter == '\0' ? "" : ": ",
                      error->text);
}

static const char *given(const char *path) { return *path == '\0' ? NULL : path; }

static bool make_ticket_keys(struct tlsmgm_ticket_keys **out, struct bench_fault *fault) {
    uint8_t material[TLSMGM_TICKET_KEY_SIZE];
    struct tlsmgm_error error;
    *out = NULL;
    if (getrandom(material, sizeof material, 0) != (ssize_t)sizeof material) {
        return bench_fail(fault, "no random bytes for ticket keys");
    }
    if (tlsmgm_ticket_keys_new(out, &error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, "ticket keys", &error);
    }
    tlsmgm_ticket_keys_replace(*out, material, 1);
    return true;
}

static void fill_server(const struct bench_setting *setting, struct tlsmgm_ctx_config *config) {
    config->certificate.path = given(setting->certificate);
    config->private_key.path = given(setting->key);
    config->verify_peer = config->require_peer = setting->mutual;
    if (setting->mutual) config->ca_list.path = given(setting->ca);
}

static void fill_client(const struct bench_setting *setting, struct tlsmgm_ctx_config *config) {
    config->certificate.path = given(setting->client_certificate);
    config->private_key.path = given(setting->client_key);
    config->ca_list.path = given(setting->ca);
    config->verify_peer = *setting->ca != '\0';
}

bool bench_contract_context(const struct bench_setting *setting, bool is_server,
                            struct tlsmgm_ctx **out, struct bench_fault *fault) {
    static const uint8_t scope[] = "benchmark";
    char groups[BENCH_GROUPS_SIZE];
    struct tlsmgm_error error;
    struct tlsmgm_ctx_config config = {
        .is_server = is_server,
        .lowest_version = setting->version,
        .highest_version = setting->version,
        .cipher_list = setting->cipher,
        .groups = groups,
        .verify_depth = VERIFY_DEPTH,
        .scope = {.data = scope, .size = sizeof scope - 1},
    };
    *out = NULL;
    bench_setting_groups(setting, is_server, groups);
    if (bench_backend->init(&error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, bench_backend->name, &error);
    }
    if (is_server) {
        fill_server(setting, &config);
        if (setting->tickets && !make_ticket_keys(&config.ticket_keys, fault)) return false;
    } else {
        fill_client(setting, &config);
    }
    enum tlsmgm_status status = bench_backend->ctx_new(&config, out, &error);
    tlsmgm_ticket_keys_free(config.ticket_keys); /* the context has its own reference */
    if (status == TLSMGM_STATUS_OK) return true;
    return bench_contract_fail(fault, is_server ? "server context" : "client context", &error);
}

bool bench_contract_client(const struct bench_setting *setting, struct tlsmgm_ctx *ctx,
                           const struct tlsmgm_session *session, struct tlsmgm_conn **out,
                           struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct tlsmgm_conn_config config = {.session = session};
    if (*setting->server_name != '\0') {
        config.server_name.data = (const uint8_t *)setting->server_name;
        config.server_name.size = strlen(setting->server_name);
        if (*setting->ca != '\0') config.verify_name = setting->server_name;
    }
    if (bench_backend->conn_new(ctx, &config, out, &error) == TLSMGM_STATUS_OK) return true;
    return bench_contract_fail(fault, "client connection", &error);
}

void bench_contract_facts(struct tlsmgm_conn *conn, struct bench_facts *facts) {
    struct tlsmgm_conn_info info;
    bench_backend->conn_info(conn, &info);
    *facts = (struct bench_facts){
        .version = info.version,
        .is_resumed = info.session_reused,
        .has_peer_certificate = info.has_peer_certificate,
    };
    (void)snprintf(facts->cipher, sizeof facts->cipher, "%s", info.cipher ? info.cipher : "none");
    (void)snprintf(facts->group, sizeof facts->group, "%s", info.group ? info.group : "");
}
