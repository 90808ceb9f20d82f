/*
 * What is pinned for a measurement, and the check that it was really negotiated: a figure for
 * something else than was asked for is worse than none.
 */
#ifndef BENCH_SETTING_H
#define BENCH_SETTING_H

#include <stdint.h>

#include "words.h"

#define BENCH_TLS1_2 0x0303u
#define BENCH_TLS1_3 0x0304u

#define BENCH_PATH_SIZE 1024u

struct bench_setting {
    uint16_t version; /* wire value */
    char cipher[64];  /* OpenSSL's name in TLS 1.2, IANA's in TLS 1.3 */
    char group[32];   /* as in OpenSSL's group lists */
    char server_name[256];
    char certificate[BENCH_PATH_SIZE]; /* of the server, PEM: leaf first, then its chain */
    char key[BENCH_PATH_SIZE];
    char ca[BENCH_PATH_SIZE]; /* empty: the client verifies nothing */
    char client_certificate[BENCH_PATH_SIZE];
    char client_key[BENCH_PATH_SIZE];
    bool tickets; /* the server gives one to each connection */
    bool resume;  /* each measured handshake resumes the one before it */
    bool mutual;  /* the server asks for a certificate and insists */
};

/* What came out of a handshake. */
struct bench_facts {
    uint16_t version;
    char cipher[64];
    char group[32]; /* empty: not known */
    bool is_resumed;
    bool has_peer_certificate;
};

/* Takes the words version, cipher, group, server_name, ca, tickets, resume and mutual, and the
 * paths. The words' defaults: TLS 1.3, its AES-128-GCM suite, X25519, no tickets. */
bool bench_setting_read(struct bench_words *words, struct bench_setting *setting,
                        struct bench_fault *fault);

/*
 * The groups of one end, in order of preference: what is pinned. In TLS 1.2 the list of whoever is
 * shown an ECDSA certificate must also name its curve (RFC 8422 section 5.1); it comes last.
 */
#define BENCH_GROUPS_SIZE 48u
void bench_setting_groups(const struct bench_setting *setting, bool is_server,
                          char out[BENCH_GROUPS_SIZE]);

/* False when something else than the pinned values was negotiated. */
bool bench_setting_check(const struct bench_setting *setting, const struct bench_facts *facts,
                         bool is_resumed, struct bench_fault *fault);

/* "1.2" or "1.3". */
const char *bench_version_text(uint16_t version);

#endif
