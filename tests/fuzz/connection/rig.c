#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "hello/client_hello.h"
#include "identity.h"
#include "require.h"
#include "session/ticket_keys.h"
#include "still.h"

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
    fuzz_require(fuzz_backend->ctx_new(&config, slot, NULL) == TLSMGM_STATUS_OK,
                 "a target has a context");
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
    fuzz_require(peer_new(version, &identity, slot) == TLSMGM_STATUS_OK, "a peer has a context");
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
    fuzz_require(fuzz_backend->init(NULL) == TLSMGM_STATUS_OK, "the library starts");
    fuzz_require(tlsmgm_ticket_keys_new(&keys, NULL) == TLSMGM_STATUS_OK, "there are keys");
    tlsmgm_ticket_keys_replace(keys, material, 1);
}

/* What the first two bytes of an input say. */
struct choice {
    size_t version;
    enum rule rule;
    size_t group;
    size_t which; /* identity of the peer */
    bool is_raw;
    bool is_nameless;
    bool is_forged;
    bool resumes;
};

static struct choice choice_of(struct input *input) {
    uint8_t first = input_byte(input);
    uint8_t second = input_byte(input);
    return (struct choice){
        .version = first & 1u,
        .rule = (enum rule)((first >> 1) % RULES), /* the higher bits only make it even */
        .is_nameless = (first & 8u) != 0,
        .is_forged = (first & 16u) != 0,
        .resumes = (first & 32u) != 0,
        .is_raw = (second & 1u) != 0,
        .group = second >> 1 & 1u,
        .which = (second >> 2) % IDENTITIES,
    };
}

/* Whether the target accepts the peer as it is. */
static bool is_acceptable(const struct rig *rig, size_t which) {
    if (!rig->verifies_peer) return true;
    return rig->leaf.size == 0 ? !rig->needs_peer : identity_is_good(!is_server, which);
}

static void forge(struct rig *rig, const struct choice *choice, struct input *input) {
    rig->own_peer = forged_peer(choice->version, choice->which, input);
    if (rig->own_peer == NULL) return;
    rig->peer = rig->own_peer;
    rig->peer_is_acceptable = false; /* if the input has altered nothing, it is */
}

static void resume(struct rig *rig, const struct choice *choice) {
    struct tlsmgm_session **slot =
        &sessions[choice->version][choice->rule][choice->group][choice->which];
    if (*slot == NULL) *slot = session_from(rig);
    rig->session = *slot;
}

struct rig rig_of(struct input *input) {
    struct choice choice = choice_of(input);
    struct rig rig = {
        .target_is_server = is_server,
        .is_raw = choice.is_raw,
        .version = versions[choice.version],
        .target = target_of(choice.version, choice.rule, choice.group),
        .peer = peer_of(choice.version, choice.which),
        .name = choice.is_nameless ? (struct tlsmgm_bytes){0} : server_name,
        .verifies_peer = choice.rule != IGNORES,
        .needs_peer = is_server ? choice.rule == REQUIRES : choice.rule != IGNORES,
    };
    rig.leaf = fuzz_backend->ctx_certificate(rig.peer);
    rig.peer_is_acceptable = is_acceptable(&rig, choice.which);
    if (choice.is_forged && rig.leaf.size > 0) {
        forge(&rig, &choice, input);
    } else if (choice.resumes && rig.name.size > 0 && rig.peer_is_acceptable) {
        resume(&rig, &choice);
    }
    return rig;
}

void rig_free(struct rig *rig) { fuzz_backend->ctx_free(rig->own_peer); }

struct tlsmgm_conn *rig_client(const struct rig *rig) {
    struct tlsmgm_conn *conn = NULL;
    bool checks_name = !rig->target_is_server && rig->verifies_peer;
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
