/*
 * Admission: who may come in. Connections and handshakes in progress, in total and for each source
 * network, counted together for all workers; docs/limits.md has the limits. It knows addresses and
 * numbers, and neither sockets nor TLS.
 *
 *     enter() --> ADMITTED --> handshake_over() --> leave()
 *             --> any other: hang up, without any work; nothing is to be given back
 *
 * Where the client's address comes later than its connection:
 *
 *     enter() without a handshake --> begin_handshake() --> ADMITTED: as above
 *                                                       --> any other: hang up, leave()
 *
 * All functions but new() and free() may be called by any number of threads at once. A bound is
 * never exceeded. While two threads ask at once for the last place, either may get it.
 */
#ifndef TLSMGM_ADMISSION_H
#define TLSMGM_ADMISSION_H

#include "base/siphash.h"
#include "include/tlsmgm.h"

struct tlsmgm_admission;

/* 0 is no bound. */
struct tlsmgm_admission_limits {
    uint32_t max_connections; /* in whatever state */
    uint32_t max_handshakes;  /* in progress, from accept to their end */
    uint32_t max_handshakes_per_network;
    uint8_t ipv4_prefix; /* bits of an address that tell its network, 0 to 32 */
    uint8_t ipv6_prefix; /* the same, 0 to 128 */
};

/* The limits in the order in which they are looked at. */
enum tlsmgm_admission_verdict {
    TLSMGM_ADMISSION_ADMITTED,
    TLSMGM_ADMISSION_MAX_CONNECTIONS,
    TLSMGM_ADMISSION_MAX_HANDSHAKES,
    TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK,
};

/* Each number for itself is right; together they are those of a moment only while nothing moves. */
struct tlsmgm_admission_counts {
    uint32_t connections; /* at this moment */
    uint32_t handshakes;
    uint32_t networks; /* that have a handshake in progress; 0 without a bound for one */
    uint64_t refused_max_connections; /* since new() */
    uint64_t refused_max_handshakes;
    uint64_t refused_max_handshakes_per_network;
};

/*
 * Copies limits and key. The key is random and kept secret: strangers choose the addresses.
 *
 * OK, CONFIG when a prefix is too long, or NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_admission_new(const struct tlsmgm_admission_limits *limits,
                     const struct tlsmgm_siphash_key *key, struct tlsmgm_admission **out,
                     struct tlsmgm_error *error);

/* Nobody is inside any more. */
void tlsmgm_admission_free(struct tlsmgm_admission *admission);

/*
 * Lets a connection in, or says which limit keeps it out, and counts that.
 *
 * address: of the client, IPv6, or IPv4 mapped into it; NULL: it has none, as all clients of that
 * kind, which are one network. shakes_hands: a handshake begins now; otherwise only the connections
 * are bounded. Where there is no memory to count another network, that is MAX_HANDSHAKES.
 */
TLSMGM_MUST_USE enum tlsmgm_admission_verdict
tlsmgm_admission_enter(struct tlsmgm_admission *admission, const uint8_t *address,
                       bool shakes_hands);

/* A connection that is inside begins to shake hands. */
TLSMGM_MUST_USE enum tlsmgm_admission_verdict
tlsmgm_admission_begin_handshake(struct tlsmgm_admission *admission, const uint8_t *address);

/*
 * Gives the handshake's place back; the connection keeps its own. Once for each connection that was
 * admitted with a handshake, by the same address, and before leave(): when the handshake is
 * complete, or the connection, whose handshake has failed, is gone. So whoever holds sockets open
 * with broken handshakes is bounded, too.
 */
void tlsmgm_admission_handshake_over(struct tlsmgm_admission *admission, const uint8_t *address);

/* Gives the connection's place back; once for each that was admitted. */
void tlsmgm_admission_leave(struct tlsmgm_admission *admission);

/* Whether nobody is inside. */
bool tlsmgm_admission_is_empty(struct tlsmgm_admission *admission);

/* For statistics: it locks every part of the table, one after the other. */
void tlsmgm_admission_count(struct tlsmgm_admission *admission,
                            struct tlsmgm_admission_counts *out);

/* Bytes of memory that it holds: some, and what the networks with handshakes in progress need. */
size_t tlsmgm_admission_memory(struct tlsmgm_admission *admission);

#endif
