#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_hello.h"
#include "identity.h"
#include "still.h"
#include "ticket_keys.h"

enum { VERSIONS = 2, RULES = 3, GROUPS = 2 };

/* What a target thinks of peers. */
enum rule { IGNORES, ASKS, REQUIRES };

static bool is_server; /* the target */
static struct tlsmgm_ticket_keys *keys;
static struct tlsmgm_ctx *targets[VERSIONS][RULES][GROUPS];
static struct tlsmgm_ctx *peers[VERSIONS][IDENTITIES];
static struct tlsmgm_session *sessions[VERSIONS][RULES][GROUPS][IDENTITIES];
static const uint16_t versions[VERSIONS] = {0x0304, 0x0303};

static const struct tlsmgm_bytes server_name = {(const uint8_t *)"dom1.test", 9};
static const struct tlsmgm_bytes alpn = {(const uint8_t *)"\x03sip\x02h2", 7};

void fuzz_require(bool truth, const char *text) {
    if (truth) return;
    (void)fprintf(stderr, "NOT TRUE: %s\n", text);
    abort();
}

/* What both ends have in common. */
static struct tlsmgm_ctx_config config_of(bool for_server, size_t version, const uint8_t *scope) {
    struct tlsmgm_ctx_config config = {
        .is_server = for_server,
        .lowest_version = versions[version],
        .highest_version = versions[version],
        .ca_list = {.path = FUZZ_PKI "/root.pem"},
        .verify_depth = 3,
        .alpn = alpn,
        .ticket_keys = for_server ? keys : NULL,
        .scope = {scope, 1},
    };
    return config;
}

/* The target's own certificate: a server's; a client that is tested shows one, too. */
static struct tlsmgm_ctx *target_of(size_t version, enum rule rule, size_t group) {
    struct tlsmgm_ctx **slot = &targets[version][rule][group];
    uint8_t scope = (uint8_t)rule;
    if (*slot != NULL) return *slot;
    struct tlsmgm_ctx_config config = config_of(is_server, version, &scope);
    config.verify_peer = rule != IGNORES;
    config.require_peer = rule == REQUIRES;
    config.certificate.path = is_server ? FUZZ_PKI "/dom1.pem" : FUZZ_PKI "/good.pem";
    config.private_key.path = is_server ? FUZZ_PKI "/dom1.key" : FUZZ_PKI "/good.key";
    /* A client's first guess is another group: a HelloRetryRequest. */
    if (is_server && group == 1) config.groups = "P-384:P-256";
    fuzz_require(fuzz_backend->ctx_new(&config, slot, NULL) == TLSMGM_OK, "a target has a context");
    return *slot;
}

static enum tlsmgm_status peer_new(size_t version, const struct identity *identity,
                                   struct tlsmgm_ctx **out) {
    static const uint8_t scope = RULES;
    struct tlsmgm_ctx_config config = config_of(!is_server, version, &scope);
    config.certificate = identity->certificate;
    config.private_key = identity->private_key;
    return fuzz_backend->ctx_new(&config, out, NULL);
}

static struct tlsmgm_ctx *peer_of(size_t version, size_t which) {
    struct tlsmgm_ctx **slot = &peers[version][which];
    struct identity identity = identity_of(!is_server, which);
    if (*slot != NULL) return *slot;
    fuzz_require(peer_new(version, &identity, slot) == TLSMGM_OK, "a peer has a context");
    return *slot;
}

/* A peer whose certificate the input has altered; NULL when its own library refuses it. */
static struct tlsmgm_ctx *forged_peer(size_t version, size_t which, struct input *input) {
    struct tlsmgm_ctx *ctx = NULL;
    struct identity identity = identity_of(!is_server, which);
    char *pem = identity_forge(fuzz_backend->ctx_certificate(peer_of(version, which)), input);
    identity.certificate = (struct tlsmgm_source){.data = {(uint8_t *)pem, strlen(pem)}};
    (void)peer_new(version, &identity, &ctx);
    free(pem);
    return ctx;
}

static bool carry(struct tlsmgm_conn *from, struct tlsmgm_conn *to) {
    struct tlsmgm_bytes bytes = fuzz_backend->output(from);
    size_t size = bytes.size;
    if (size == 0) return false;
    (void)fuzz_backend->feed(to, bytes.data, size, NULL);
    fuzz_backend->output_consume(from, size);
    return true;
}

/* An honest handshake, for the session that it leaves. */
static struct tlsmgm_session *session_from(const struct rig *rig) {
    struct tlsmgm_session *session = NULL;
    struct tlsmgm_conn *client = rig_client(rig);
    struct tlsmgm_conn *server = rig_server(rig, rig->name);
    bool moved = true;
    uint8_t byte;
    size_t count;
    while (moved) {
        (void)fuzz_backend->read(client, &byte, 1, &count, NULL);
        (void)fuzz_backend->read(server, &byte, 1, &count, NULL);
        moved = carry(client, server);
        moved = carry(server, client) || moved;
    }
    (void)fuzz_backend->conn_session(client, &session, NULL);
    fuzz_backend->conn_free(client);
    fuzz_backend->conn_free(server);
    return session;
}

void rig_begin(bool target_is_server) {
    static const uint8_t material[TLSMGM_TICKET_KEY_SIZE] = {1, 2, 3};
    is_server = target_is_server;
    still_begin();
    fuzz_require(fuzz_backend->init(NULL) == TLSMGM_OK, "the library starts");
    fuzz_require(tlsmgm_ticket_keys_new(material, &keys, NULL) == TLSMGM_OK, "there are keys");
}

/* Three bytes say who meets whom; a forged certificate takes more. */
struct rig rig_of(struct input *input) {
    uint8_t choice = input_byte(input);
    uint8_t more = input_byte(input);
    size_t version = choice & 1u;
    enum rule rule = (enum rule)((choice >> 1) % RULES);
    size_t group = more >> 1 & 1u;
    size_t which = (more >> 2) % IDENTITIES;
    struct rig rig = {
        .target_is_server = is_server,
        .is_raw = (more & 1u) != 0,
        .version = versions[version],
        .target = target_of(version, rule, group),
        .peer = peer_of(version, which),
        .name = (choice & 8u) != 0 ? (struct tlsmgm_bytes){0} : server_name,
        .verifies = rule != IGNORES,
        .requires = rule == REQUIRES || (!is_server && rule != IGNORES),
    };
    rig.leaf = fuzz_backend->ctx_certificate(rig.peer);
    rig.peer_is_acceptable =
        !rig.verifies || (rig.leaf.size == 0 ? !rig.requires : identity_is_good(!is_server, which));
    if ((choice & 16u) != 0 && rig.leaf.size > 0) {
        rig.own_peer = forged_peer(version, which, input);
        if (rig.own_peer != NULL) rig.peer = rig.own_peer;
        if (rig.own_peer != NULL) rig.peer_is_acceptable = false;
    } else if ((choice & 32u) != 0 && rig.name.size > 0 && rig.peer_is_acceptable) {
        struct tlsmgm_session **slot = &sessions[version][rule][group][which];
        if (*slot == NULL) *slot = session_from(&rig);
        rig.session = *slot;
    }
    return rig;
}

void rig_free(struct rig *rig) { fuzz_backend->ctx_free(rig->own_peer); }

struct tlsmgm_conn *rig_client(const struct rig *rig) {
    struct tlsmgm_conn *conn = NULL;
    bool checks_name = !rig->target_is_server && rig->verifies;
    struct tlsmgm_conn_config config = {
        .server_name = rig->name,
        .verify_name = checks_name ? "dom1.test" : NULL,
        .session = rig->session,
    };
    (void)fuzz_backend->conn_new(rig->target_is_server ? rig->peer : rig->target, &config, &conn,
                                 NULL);
    fuzz_require(conn != NULL, "a client starts");
    return conn;
}

struct tlsmgm_conn *rig_server(const struct rig *rig, struct tlsmgm_bytes name) {
    struct tlsmgm_conn *conn = NULL;
    struct tlsmgm_conn_config config = {.server_name = name};
    (void)fuzz_backend->conn_new(rig->target_is_server ? rig->target : rig->peer, &config, &conn,
                                 NULL);
    fuzz_require(conn != NULL, "a server starts");
    return conn;
}
