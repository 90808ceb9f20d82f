/*
 * Routes: where the connections of a domain go. An immutable, counted table of addresses that were
 * looked up before, each with the context of the TLS that is spoken there, if any is; only which of
 * them is next, which failed last, and the sessions that servers gave change, and all workers share
 * that.
 */
#ifndef TLSMGM_ROUTES_H
#define TLSMGM_ROUTES_H

#include "include/embed.h"

struct tlsmgm_routes;

/* How TLS is spoken with an upstream. */
struct tlsmgm_route_tls {
    struct tlsmgm_ctx_handle context; /* of a client; backend NULL: the upstream speaks plain TCP */
    struct tlsmgm_bytes server_name;  /* to send; data NULL: none */
    const char *verify_name;          /* that its certificate must carry, or NULL */
};

/* A struct sockaddr of any family, aligned for all of them. */
struct tlsmgm_route_address {
    uint64_t sockaddr[16];
    uint32_t size;
    uint32_t number; /* the owner's own, for records */
    uint32_t weight; /* its share among those of its route, up to TLSMGM_ROUTE_WEIGHT_MAX; 0 is 1 */
    struct tlsmgm_route_tls tls;
};

#define TLSMGM_ROUTE_WEIGHT_MAX 100u

/* Whose turn it is. */
enum tlsmgm_balance {
    TLSMGM_BALANCE_ROUND_ROBIN,       /* one after the other */
    TLSMGM_BALANCE_LEAST_CONNECTIONS, /* the one that has the fewest, for its weight */
};

/* A domain's number, or TLSMGM_ROUTE_ANY for all that have no route of their own. */
#define TLSMGM_ROUTE_ANY UINT32_MAX

struct tlsmgm_route {
    uint32_t domain;
    bool hands_over; /* to the program, which knows more; then there are no addresses */
    enum tlsmgm_balance balance;
    const struct tlsmgm_route_address *addresses; /* copied, names and references included */
    size_t count; /* 0: nobody reaches anything, those of other routes neither */
};

/*
 * OK, CONFIG when a domain has two routes, or a context is a server's, or weights are too large, or
 * NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_routes_new(const struct tlsmgm_route *routes,
                                                     size_t count, struct tlsmgm_routes **out,
                                                     struct tlsmgm_error *error);
struct tlsmgm_routes *tlsmgm_routes_ref(struct tlsmgm_routes *routes);
void tlsmgm_routes_free(struct tlsmgm_routes *routes);

/* What one connection has asked for so far. All zero: nothing. */
struct tlsmgm_route_tries {
    uint32_t first; /* where it has begun in the group */
    uint32_t count; /* how many turns it has had */
    uint64_t given; /* a bit for each of the first 64 behind the first: it was given that one */
};

/*
 * The next address for a connection of a domain: whose turn it is over all connections, then the
 * others; those that failed lately only when no other is left. NULL: it has tried them all, or
 * there is no route.
 */
const struct tlsmgm_route_address *tlsmgm_routes_next(struct tlsmgm_routes *routes, uint32_t domain,
                                                      struct tlsmgm_route_tries *tries,
                                                      uint64_t now);

/* Whether connections of a domain are handed over to the program. */
bool tlsmgm_routes_hand_over(struct tlsmgm_routes *routes, uint32_t domain);

/* A connection begins to count for an address, when it asks there, and ends to. */
void tlsmgm_routes_begin(const struct tlsmgm_route_address *address);
void tlsmgm_routes_end(const struct tlsmgm_route_address *address);

/* How many addresses a domain's route has. */
uint32_t tlsmgm_routes_count(struct tlsmgm_routes *routes, uint32_t domain);

/* Milliseconds for which an address that failed is asked last. */
#define TLSMGM_ROUTE_FAILED_FOR 10000u

/* What has become of connecting to it. */
void tlsmgm_routes_failed(struct tlsmgm_routes *routes, const struct tlsmgm_route_address *address,
                          uint64_t now);
void tlsmgm_routes_reached(struct tlsmgm_routes *routes,
                           const struct tlsmgm_route_address *address);

/* Sessions of one address that wait to be offered; the oldest give way. */
#define TLSMGM_ROUTE_SESSIONS 4u

/* The newest session that the server there gave, which is the caller's now; NULL: none. */
struct tlsmgm_session *tlsmgm_routes_take_session(const struct tlsmgm_route_address *address);

/* A session that the server there gave; it belongs to the routes from now on. */
void tlsmgm_routes_keep_session(const struct tlsmgm_route_address *address,
                                struct tlsmgm_session *session);

#endif
