#include "match/match_index.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ip_address.h"
#include "match/glob.h"

#define NO_SLOT     UINT32_MAX
#define ENTRIES_MAX (1u << 28) /* keeps every size below 32 bits */

/* All entries for one address, or for any. */
struct group {
    uint8_t address[16];
    uint16_t port;
    bool any;
    uint32_t no_name; /* domain, or TLSMGM_MATCH_NONE */
    uint32_t star;    /* domain of "*", or TLSMGM_MATCH_NONE */
    uint32_t first_pattern;
    uint32_t pattern_count;
};

enum name_kind { NAME_EXACT, NAME_SUFFIX };

/* An exact name, or the ".suffix" of a "*.suffix"; free while domain is TLSMGM_MATCH_NONE. */
struct name {
    uint32_t group;
    uint32_t text; /* offset in texts */
    uint32_t domain;
    uint32_t order; /* position among the entries */
    uint8_t size;
    uint8_t kind;
};

/* Any other pattern. Sorted by group, then by rank. */
struct pattern {
    uint32_t group;
    uint32_t text;
    uint32_t domain;
    uint32_t order;
    uint8_t size;
    uint8_t literals;
};

struct tlsmgm_match_index {
    atomic_size_t references;
    struct tlsmgm_siphash_key key;
    struct group *groups;
    uint32_t group_count;
    uint32_t *group_slots; /* hash table of positions in groups */
    uint32_t group_mask;
    struct name *names; /* hash table */
    uint32_t name_mask;
    struct pattern *patterns;
    uint32_t pattern_count;
    uint8_t *texts; /* exact names and suffixes in lower case, patterns as written */
    size_t text_size;
    uint32_t any_group; /* position in groups, or NO_SLOT */
};

static uint32_t hash_address(const struct tlsmgm_match_index *index, const uint8_t address[16],
                             uint16_t port) {
    return (uint32_t)tlsmgm_siphash(&index->key, port, (struct tlsmgm_bytes){address, 16});
}

static uint32_t hash_name(const struct tlsmgm_match_index *index, uint32_t group,
                          enum name_kind kind, struct tlsmgm_bytes text) {
    return (uint32_t)tlsmgm_siphash(&index->key, ((uint64_t)kind << 32) | group, text);
}

/* A power of two with at least as many free slots as used ones. */
static uint32_t table_size(size_t count) {
    uint32_t size = 4;
    while (size < 2 * count) size *= 2;
    return size;
}

/* The slot that holds the address, or the free slot where it belongs. */
static uint32_t *group_slot(const struct tlsmgm_match_index *index, const uint8_t address[16],
                            uint16_t port) {
    uint32_t i = hash_address(index, address, port) & index->group_mask;
    while (index->group_slots[i] != NO_SLOT) {
        const struct group *group = &index->groups[index->group_slots[i]];
        if (group->port == port && memcmp(group->address, address, 16) == 0) break;
        i = (i + 1) & index->group_mask;
    }
    return &index->group_slots[i];
}

/* The slot that holds the name, or the free slot where it belongs. data is in lower case. */
static struct name *name_slot(const struct tlsmgm_match_index *index, uint32_t group,
                              enum name_kind kind, const uint8_t *data, size_t size) {
    struct tlsmgm_bytes text = {data, size};
    uint32_t i = hash_name(index, group, kind, text) & index->name_mask;
    while (index->names[i].domain != TLSMGM_MATCH_NONE) {
        const struct name *name = &index->names[i];
        if (name->group == group && name->kind == (uint8_t)kind && name->size == size &&
            memcmp(index->texts + name->text, data, size) == 0) {
            break;
        }
        i = (i + 1) & index->name_mask;
    }
    return &index->names[i];
}

static uint32_t add_group(struct tlsmgm_match_index *index,
                          const struct tlsmgm_match_entry *entry) {
    uint32_t position = index->group_count++;
    struct group *group = &index->groups[position];
    *group = (struct group){
        .any = entry->any_address, .no_name = TLSMGM_MATCH_NONE, .star = TLSMGM_MATCH_NONE};
    if (!entry->any_address) {
        memcpy(group->address, entry->address, sizeof group->address);
        group->port = entry->port;
    }
    return position;
}

static uint32_t group_of(struct tlsmgm_match_index *index, const struct tlsmgm_match_entry *entry) {
    uint32_t *slot =
        entry->any_address ? &index->any_group : group_slot(index, entry->address, entry->port);
    if (*slot == NO_SLOT) *slot = add_group(index, entry);
    return *slot;
}

static uint32_t store_text(struct tlsmgm_match_index *index, const uint8_t *data, size_t size) {
    uint32_t offset = (uint32_t)index->text_size;
    memcpy(index->texts + index->text_size, data, size);
    index->text_size += size;
    return offset;
}

static void lower_copy(uint8_t *out, struct tlsmgm_bytes text) {
    for (size_t i = 0; i < text.size; i++) out[i] = tlsmgm_ascii_lower(text.data[i]);
}

static void add_name(struct tlsmgm_match_index *index, uint32_t group, enum name_kind kind,
                     struct tlsmgm_bytes text, uint32_t domain, uint32_t order) {
    uint8_t lower[TLSMGM_MATCH_NAME_MAX] = {0};
    lower_copy(lower, text);
    struct name *name = name_slot(index, group, kind, lower, text.size);
    if (name->domain == TLSMGM_MATCH_NONE) {
        *name = (struct name){.group = group,
                              .text = store_text(index, lower, text.size),
                              .size = (uint8_t)text.size,
                              .kind = (uint8_t)kind};
    }
    name->domain = domain;
    name->order = order;
}

static void add_pattern(struct tlsmgm_match_index *index, uint32_t group, struct tlsmgm_bytes text,
                        uint32_t domain, uint32_t order) {
    index->patterns[index->pattern_count++] =
        (struct pattern){.group = group,
                         .text = store_text(index, text.data, text.size),
                         .domain = domain,
                         .order = order,
                         .size = (uint8_t)text.size,
                         .literals = (uint8_t)tlsmgm_glob_literals(text)};
}

/* "*.suffix" with nothing special in the suffix. */
static bool is_suffix_pattern(struct tlsmgm_bytes pattern) {
    return pattern.size > 2 && pattern.data[0] == '*' && pattern.data[1] == '.' &&
           tlsmgm_glob_is_plain((struct tlsmgm_bytes){pattern.data + 1, pattern.size - 1});
}

static void add_entry(struct tlsmgm_match_index *index, const struct tlsmgm_match_entry *entry,
                      uint32_t order) {
    uint32_t group = group_of(index, entry);
    struct tlsmgm_bytes text = entry->pattern;
    if (entry->no_name) {
        index->groups[group].no_name = entry->domain;
    } else if (text.size == 1 && text.data[0] == '*') {
        index->groups[group].star = entry->domain;
    } else if (tlsmgm_glob_is_plain(text)) {
        add_name(index, group, NAME_EXACT, text, entry->domain, order);
    } else if (is_suffix_pattern(text)) {
        struct tlsmgm_bytes suffix = {text.data + 1, text.size - 1};
        add_name(index, group, NAME_SUFFIX, suffix, entry->domain, order);
    } else {
        add_pattern(index, group, text, entry->domain, order);
    }
}

static int compare_patterns(const void *left, const void *right) {
    const struct pattern *a = left;
    const struct pattern *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->literals != b->literals) return a->literals > b->literals ? -1 : 1;
    if (a->order != b->order) return a->order > b->order ? -1 : 1;
    return 0;
}

static void rank_patterns(struct tlsmgm_match_index *index) {
    if (index->pattern_count == 0) return;
    qsort(index->patterns, index->pattern_count, sizeof *index->patterns, compare_patterns);
    for (uint32_t i = index->pattern_count; i-- > 0;) {
        struct group *group = &index->groups[index->patterns[i].group];
        group->first_pattern = i;
        group->pattern_count++;
    }
}

static enum tlsmgm_status check_entries(const struct tlsmgm_match_entry *entries, size_t count,
                                        size_t *text_size, struct tlsmgm_error *error) {
    if (count > ENTRIES_MAX) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "more than %u filters", ENTRIES_MAX);
    }
    *text_size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = entries[i].no_name ? 0 : entries[i].pattern.size;
        if (!entries[i].no_name && (size == 0 || size > TLSMGM_MATCH_NAME_MAX)) {
            return tlsmgm_fail_parameter(error, "match_sip_domain",
                                         "filter of %zu bytes; 1 to %u are possible", size,
                                         TLSMGM_MATCH_NAME_MAX);
        }
        if (entries[i].domain == TLSMGM_MATCH_NONE) {
            return tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL, "domain number is reserved");
        }
        *text_size += size;
    }
    if (*text_size > UINT32_MAX)
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "too many filters");
    return TLSMGM_STATUS_OK;
}

/* Room for the worst case of each table, so that nothing grows while entries are added. */
static bool allocate_tables(struct tlsmgm_match_index *index, size_t count, size_t text_size) {
    uint32_t slots = table_size(count);
    index->any_group = NO_SLOT;
    index->group_mask = slots - 1;
    index->name_mask = slots - 1;
    index->groups = tlsmgm_calloc(count + 1, sizeof *index->groups);
    index->group_slots = tlsmgm_calloc(slots, sizeof *index->group_slots);
    index->names = tlsmgm_calloc(slots, sizeof *index->names);
    index->patterns = tlsmgm_calloc(count + 1, sizeof *index->patterns);
    index->texts = tlsmgm_calloc(text_size + 1, 1);
    if (index->groups == NULL || index->group_slots == NULL || index->names == NULL ||
        index->patterns == NULL || index->texts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < slots; i++) {
        index->group_slots[i] = NO_SLOT;
        index->names[i].domain = TLSMGM_MATCH_NONE;
    }
    return true;
}

/* Gives back what the worst case did not need; keeping the larger block is no failure. */
static void *shrink(void *block, size_t size) {
    void *smaller = tlsmgm_realloc(block, size == 0 ? 1 : size);
    return smaller == NULL ? block : smaller;
}

static void shrink_tables(struct tlsmgm_match_index *index) {
    index->groups = shrink(index->groups, index->group_count * sizeof *index->groups);
    index->patterns = shrink(index->patterns, index->pattern_count * sizeof *index->patterns);
    index->texts = shrink(index->texts, index->text_size);
}

enum tlsmgm_status tlsmgm_match_index_new(const struct tlsmgm_match_entry *entries, size_t count,
                                          const struct tlsmgm_siphash_key *key,
                                          struct tlsmgm_match_index **out,
                                          struct tlsmgm_error *error) {
    size_t text_size = 0;
    *out = NULL;
    enum tlsmgm_status status = check_entries(entries, count, &text_size, error);
    if (status != TLSMGM_STATUS_OK) return status;
    struct tlsmgm_match_index *index = tlsmgm_calloc(1, sizeof *index);
    if (index == NULL) return tlsmgm_fail_memory(error);
    atomic_init(&index->references, 1);
    index->key = *key;
    if (!allocate_tables(index, count, text_size)) {
        tlsmgm_match_index_free(index);
        return tlsmgm_fail_memory(error);
    }
    for (size_t i = 0; i < count; i++) add_entry(index, &entries[i], (uint32_t)i);
    rank_patterns(index);
    shrink_tables(index);
    *out = index;
    return TLSMGM_STATUS_OK;
}

struct tlsmgm_match_index *tlsmgm_match_index_ref(struct tlsmgm_match_index *index) {
    if (index != NULL) atomic_fetch_add(&index->references, 1);
    return index;
}

void tlsmgm_match_index_free(struct tlsmgm_match_index *index) {
    if (index == NULL || atomic_fetch_sub(&index->references, 1) != 1) return;
    tlsmgm_free(index->groups);
    tlsmgm_free(index->group_slots);
    tlsmgm_free(index->names);
    tlsmgm_free(index->patterns);
    tlsmgm_free(index->texts);
    tlsmgm_free(index);
}

/* The longest suffix on record: the dots of the name from left to right. */
static const struct name *find_suffix(const struct tlsmgm_match_index *index, uint32_t group,
                                      const uint8_t *name, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (name[i] != '.') continue;
        const struct name *found = name_slot(index, group, NAME_SUFFIX, name + i, size - i);
        if (found->domain != TLSMGM_MATCH_NONE) return found;
    }
    return NULL;
}

static bool outranks(const struct pattern *pattern, const struct name *suffix) {
    if (suffix == NULL) return true;
    if (pattern->literals != suffix->size) return pattern->literals > suffix->size;
    return pattern->order > suffix->order;
}

static uint32_t find_pattern(const struct tlsmgm_match_index *index, uint32_t position,
                             struct tlsmgm_bytes name) {
    const struct group *group = &index->groups[position];
    const struct name *suffix = find_suffix(index, position, name.data, name.size);
    for (uint32_t i = 0; i < group->pattern_count; i++) {
        const struct pattern *pattern = &index->patterns[group->first_pattern + i];
        if (!outranks(pattern, suffix)) break;
        struct tlsmgm_bytes text = {index->texts + pattern->text, pattern->size};
        if (tlsmgm_glob_match(text, name)) return pattern->domain;
    }
    return suffix == NULL ? group->star : suffix->domain;
}

static bool is_ip_address(struct tlsmgm_bytes name) {
    uint8_t address[16];
    return tlsmgm_ip_address_read(name, address) > 0;
}

/* Where no domain has an address, no table is asked. */
static uint32_t find_group(const struct tlsmgm_match_index *index, const uint8_t address[16],
                           uint16_t port) {
    bool has_addresses = index->group_count > (index->any_group == NO_SLOT ? 0u : 1u);
    uint32_t position = has_addresses ? *group_slot(index, address, port) : NO_SLOT;
    return position == NO_SLOT ? index->any_group : position;
}

uint32_t tlsmgm_match_index_find(const struct tlsmgm_match_index *index, const uint8_t address[16],
                                 uint16_t port, struct tlsmgm_bytes name) {
    uint32_t position = find_group(index, address, port);
    if (position == NO_SLOT) return TLSMGM_MATCH_NONE;
    const struct group *group = &index->groups[position];
    if (name.data == NULL) {
        return group->no_name != TLSMGM_MATCH_NONE ? group->no_name : group->star;
    }
    if (name.size > TLSMGM_MATCH_NAME_MAX) return TLSMGM_MATCH_NONE;
    uint8_t lower[TLSMGM_MATCH_NAME_MAX] = {0};
    lower_copy(lower, name);
    const struct name *exact = name_slot(index, position, NAME_EXACT, lower, name.size);
    if (exact->domain != TLSMGM_MATCH_NONE) return exact->domain;
    if (group->no_name != TLSMGM_MATCH_NONE && is_ip_address(name)) return group->no_name;
    return find_pattern(index, position, (struct tlsmgm_bytes){lower, name.size});
}

size_t tlsmgm_match_index_memory(const struct tlsmgm_match_index *index) {
    return sizeof *index + index->group_count * sizeof *index->groups +
           ((size_t)index->group_mask + 1) * sizeof *index->group_slots +
           ((size_t)index->name_mask + 1) * sizeof *index->names +
           index->pattern_count * sizeof *index->patterns + index->text_size;
}
