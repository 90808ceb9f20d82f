#include "engine/routes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

struct target {
    struct tlsmgm_route_address address; /* first: what next() hands out is this */
    _Atomic uint64_t failed_until;       /* 0: it has not */
    _Atomic uint32_t connections;        /* that have asked here, and are not over */
    pthread_mutex_t lock;                /* of the sessions */
    struct tlsmgm_session *sessions[TLSMGM_ROUTE_SESSIONS]; /* the newest last */
    uint32_t session_count;
    char names[]; /* what tls refers to */
};

struct group {
    uint32_t domain;
    uint32_t count;
    bool hands_over;
    enum tlsmgm_balance balance;
    atomic_uint next;
    struct target **targets;
    uint32_t *order; /* of turns, where weights differ; NULL: one after the other */
    uint32_t order_size;
};

struct tlsmgm_routes {
    atomic_size_t references;
    size_t count;
    struct group groups[];
};

/* Whoever has an address that next() handed out has the target around it. */
static struct target *target_of(const struct tlsmgm_route_address *address) {
    return (struct target *)(uintptr_t)address;
}

static void free_target(struct target *target) {
    const struct tlsmgm_ctx_handle *context = &target->address.tls.context;
    if (context->backend != NULL) {
        while (target->session_count > 0) {
            context->backend->session_free(target->sessions[--target->session_count]);
        }
        context->backend->ctx_free(context->ctx);
    }
    (void)pthread_mutex_destroy(&target->lock);
    tlsmgm_free(target);
}

static void clear(struct tlsmgm_routes *routes) {
    for (size_t i = 0; i < routes->count; i++) {
        struct group *group = &routes->groups[i];
        for (uint32_t j = 0; j < group->count; j++) free_target(group->targets[j]);
        tlsmgm_free(group->targets);
        tlsmgm_free(group->order);
    }
    tlsmgm_free(routes);
}

static struct group *find(struct tlsmgm_routes *routes, uint32_t domain) {
    struct group *any = NULL;
    for (size_t i = 0; i < routes->count; i++) {
        if (routes->groups[i].domain == domain) return &routes->groups[i];
        if (routes->groups[i].domain == TLSMGM_ROUTE_ANY) any = &routes->groups[i];
    }
    return any;
}

/* Copies both names behind the target, a 0 after each. */
static void keep_names(struct target *target, const struct tlsmgm_route_tls *tls,
                       size_t verify_size) {
    struct tlsmgm_route_tls *own = &target->address.tls;
    char *at = target->names;
    if (tls->server_name.data != NULL) {
        memcpy(at, tls->server_name.data, tls->server_name.size);
        own->server_name.data = (const uint8_t *)at;
        at += tls->server_name.size + 1;
    }
    if (tls->verify_name == NULL) return;
    memcpy(at, tls->verify_name, verify_size);
    own->verify_name = at;
}

/* NULL: there is no memory. */
static struct target *new_target(const struct tlsmgm_route_address *address) {
    const struct tlsmgm_route_tls *tls = &address->tls;
    size_t verify_size = tls->verify_name == NULL ? 0 : strlen(tls->verify_name);
    struct target *target =
        tlsmgm_calloc(1, sizeof *target + tls->server_name.size + verify_size + 2);
    if (target == NULL) return NULL;
    target->address = *address;
    if (address->weight == 0) target->address.weight = 1;
    atomic_init(&target->failed_until, 0);
    atomic_init(&target->connections, 0);
    (void)pthread_mutex_init(&target->lock, NULL);
    if (tls->context.backend != NULL) {
        keep_names(target, tls, verify_size);
        target->address.tls.context.ctx = tls->context.backend->ctx_ref(tls->context.ctx);
    }
    return target;
}

static enum tlsmgm_status add_targets(struct group *group, const struct tlsmgm_route *route,
                                      struct tlsmgm_error *error) {
    for (size_t i = 0; i < route->count; i++) {
        const struct tlsmgm_ctx_handle *context = &route->addresses[i].tls.context;
        if (context->backend != NULL && context->is_server) {
            return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG,
                               "the context of an upstream is a client's");
        }
        struct target *target = new_target(&route->addresses[i]);
        if (target == NULL) return tlsmgm_fail_memory(error);
        group->targets[group->count++] = target;
    }
    return TLSMGM_STATUS_OK;
}

/* Most turns until they are the same again. */
#define ORDER_MAX 6400u

/* 0: all have the same. */
static uint32_t sum_of_weights(const struct group *group) {
    uint64_t sum = 0;
    bool differ = false;
    for (uint32_t i = 0; i < group->count; i++) {
        sum += group->targets[i]->address.weight;
        differ = differ || group->targets[i]->address.weight != group->targets[0]->address.weight;
    }
    if (!differ) return 0;
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/*
 * Turns by weight, spread as evenly as that goes: each turn everybody gains its weight, whoever has
 * most is next, and pays the sum of all (nginx has made that known as smooth round robin).
 */
static void fill_order(const struct group *group, int64_t *gains) {
    for (uint32_t turn = 0; turn < group->order_size; turn++) {
        uint32_t best = 0;
        for (uint32_t i = 0; i < group->count; i++) {
            gains[i] += group->targets[i]->address.weight;
            if (gains[i] > gains[best]) best = i;
        }
        gains[best] -= group->order_size;
        group->order[turn] = best;
    }
}

static enum tlsmgm_status put_in_order(struct group *group, struct tlsmgm_error *error) {
    uint32_t sum = sum_of_weights(group);
    if (sum == 0) return TLSMGM_STATUS_OK;
    for (uint32_t i = 0; i < group->count; i++) {
        if (group->targets[i]->address.weight > TLSMGM_ROUTE_WEIGHT_MAX) sum = UINT32_MAX;
    }
    if (sum > ORDER_MAX) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG,
                           "the weights of a route are up to %u each, and %u together",
                           TLSMGM_ROUTE_WEIGHT_MAX, ORDER_MAX);
    }
    int64_t *gains = tlsmgm_calloc(group->count, sizeof *gains);
    group->order = tlsmgm_calloc(sum, sizeof *group->order);
    group->order_size = sum;
    if (gains != NULL && group->order != NULL) fill_order(group, gains);
    bool has_all = gains != NULL && group->order != NULL;
    tlsmgm_free(gains);
    return has_all ? TLSMGM_STATUS_OK : tlsmgm_fail_memory(error);
}

static enum tlsmgm_status add(struct tlsmgm_routes *routes, const struct tlsmgm_route *route,
                              struct tlsmgm_error *error) {
    if (route->count > UINT16_MAX || (route->count > 0 && route->hands_over)) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG,
                           "a route has up to 65535 addresses, and none to the program");
    }
    const struct group *known = find(routes, route->domain);
    if (known != NULL && known->domain == route->domain) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "a domain has two routes");
    }
    struct group *group = &routes->groups[routes->count];
    group->targets = tlsmgm_calloc(route->count + 1, sizeof(struct target *));
    if (group->targets == NULL) return tlsmgm_fail_memory(error);
    group->domain = route->domain;
    group->hands_over = route->hands_over;
    group->balance = route->balance;
    routes->count++;
    enum tlsmgm_status status = add_targets(group, route, error);
    return status == TLSMGM_STATUS_OK ? put_in_order(group, error) : status;
}

enum tlsmgm_status tlsmgm_routes_new(const struct tlsmgm_route *routes, size_t count,
                                     struct tlsmgm_routes **out, struct tlsmgm_error *error) {
    *out = NULL;
    if (count > UINT32_MAX) return tlsmgm_fail_memory(error);
    struct tlsmgm_routes *made = tlsmgm_calloc(1, sizeof *made + count * sizeof made->groups[0]);
    if (made == NULL) return tlsmgm_fail_memory(error);
    atomic_init(&made->references, 1);
    for (size_t i = 0; i < count; i++) {
        enum tlsmgm_status status = add(made, &routes[i], error);
        if (status == TLSMGM_STATUS_OK) continue;
        clear(made);
        return status;
    }
    *out = made;
    return TLSMGM_STATUS_OK;
}

struct tlsmgm_routes *tlsmgm_routes_ref(struct tlsmgm_routes *routes) {
    if (routes != NULL) atomic_fetch_add(&routes->references, 1);
    return routes;
}

void tlsmgm_routes_free(struct tlsmgm_routes *routes) {
    if (routes != NULL && atomic_fetch_sub(&routes->references, 1) == 1) clear(routes);
}

static bool is_well(struct target *target, uint64_t now) {
    return atomic_load_explicit(&target->failed_until, memory_order_relaxed) <= now;
}

/* False: it has had that one before, or takes it when no other is left. */
static bool suits(struct group *group, struct tlsmgm_route_tries *tries, uint32_t turn,
                  uint64_t now) {
    uint32_t place = turn % group->count;
    uint64_t bit = place < 64 ? UINT64_C(1) << place : 0;
    bool is_first_round = turn < group->count;
    if ((tries->given & bit) != 0) return false;
    /* Beyond the bits: one that has failed since, by its own connecting, may come once more. */
    bool wants_any = !is_first_round && bit != 0;
    struct target *target = group->targets[((uint64_t)tries->first + turn) % group->count];
    if (!wants_any && is_well(target, now) != is_first_round) return false;
    tries->given |= bit;
    return true;
}

/* Fewer connections for its weight. */
static bool is_freer(const struct target *one, const struct target *other) {
    uint64_t mine = atomic_load_explicit(&one->connections, memory_order_relaxed);
    uint64_t its = atomic_load_explicit(&other->connections, memory_order_relaxed);
    return mine * other->address.weight < its * one->address.weight;
}

/* Of equals the next one in turn. */
static uint32_t freest(const struct group *group, uint32_t turn, uint64_t now) {
    uint32_t best = turn % group->count;
    for (uint32_t i = 1; i < group->count; i++) {
        uint32_t at = (uint32_t)(((uint64_t)turn + i) % group->count);
        bool is_sick = is_well(group->targets[best], now) < is_well(group->targets[at], now);
        bool is_as_well = is_well(group->targets[best], now) == is_well(group->targets[at], now);
        if (is_sick || (is_as_well && is_freer(group->targets[at], group->targets[best])))
            best = at;
    }
    return best;
}

/* Where a connection begins. */
static uint32_t begin_with(struct group *group, uint64_t now) {
    uint32_t turn = atomic_fetch_add_explicit(&group->next, 1, memory_order_relaxed);
    if (group->count < 2) return 0;
    if (group->balance == TLSMGM_BALANCE_LEAST_CONNECTIONS) return freest(group, turn, now);
    return group->order == NULL ? turn : group->order[turn % group->order_size];
}

/*
 * Turns of a connection: 0 to count - 1 are the addresses that are well at that moment, count to
 * 2 * count - 1 the others; so each is given once.
 */
const struct tlsmgm_route_address *tlsmgm_routes_next(struct tlsmgm_routes *routes, uint32_t domain,
                                                      struct tlsmgm_route_tries *tries,
                                                      uint64_t now) {
    struct group *group = find(routes, domain);
    if (group == NULL) return NULL;
    if (tries->count == 0) {
        tries->first = begin_with(group, now);
    }
    while (tries->count < 2 * group->count) {
        uint32_t turn = tries->count++;
        if (!suits(group, tries, turn, now)) continue;
        return &group->targets[((uint64_t)tries->first + turn) % group->count]->address;
    }
    return NULL;
}

bool tlsmgm_routes_hand_over(struct tlsmgm_routes *routes, uint32_t domain) {
    const struct group *group = find(routes, domain);
    return group != NULL && group->hands_over;
}

uint32_t tlsmgm_routes_count(struct tlsmgm_routes *routes, uint32_t domain) {
    const struct group *group = find(routes, domain);
    return group == NULL ? 0 : group->count;
}

void tlsmgm_routes_begin(const struct tlsmgm_route_address *address) {
    (void)atomic_fetch_add_explicit(&target_of(address)->connections, 1, memory_order_relaxed);
}

void tlsmgm_routes_end(const struct tlsmgm_route_address *address) {
    (void)atomic_fetch_sub_explicit(&target_of(address)->connections, 1, memory_order_relaxed);
}

void tlsmgm_routes_failed(struct tlsmgm_routes *routes, const struct tlsmgm_route_address *address,
                          uint64_t now) {
    (void)routes;
    struct target *target = target_of(address);
    atomic_store_explicit(&target->failed_until, now + TLSMGM_ROUTE_FAILED_FOR,
                          memory_order_relaxed);
}

void tlsmgm_routes_reached(struct tlsmgm_routes *routes,
                           const struct tlsmgm_route_address *address) {
    (void)routes;
    struct target *target = target_of(address);
    if (atomic_load_explicit(&target->failed_until, memory_order_relaxed) != 0) {
        atomic_store_explicit(&target->failed_until, 0, memory_order_relaxed);
    }
}

struct tlsmgm_session *tlsmgm_routes_take_session(const struct tlsmgm_route_address *address) {
    struct target *target = target_of(address);
    struct tlsmgm_session *found = NULL;
    (void)pthread_mutex_lock(&target->lock);
    if (target->session_count > 0) found = target->sessions[--target->session_count];
    (void)pthread_mutex_unlock(&target->lock);
    return found;
}

void tlsmgm_routes_keep_session(const struct tlsmgm_route_address *address,
                                struct tlsmgm_session *session) {
    struct target *target = target_of(address);
    struct tlsmgm_session *oldest = NULL;
    (void)pthread_mutex_lock(&target->lock);
    if (target->session_count == TLSMGM_ROUTE_SESSIONS) {
        oldest = target->sessions[0];
        memmove(target->sessions, target->sessions + 1,
                (TLSMGM_ROUTE_SESSIONS - 1) * sizeof *target->sessions);
        target->session_count--;
    }
    target->sessions[target->session_count++] = session;
    (void)pthread_mutex_unlock(&target->lock);
    if (oldest != NULL) address->tls.context.backend->session_free(oldest);
}
