#include "files/trust_items.h"

#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/fnv.h"
#include "base/warn.h"
#include "files/crl_file.h"
#include "files/pem.h"
#include "x509/certificate.h"
#include "x509/certificate_fields.h"
#include "x509/crl.h"
#include "x509/der.h"

/* A growing list in which nothing is twice: slots hold, by hash, one more than an item's index. */
struct list {
    struct tlsmgm_trust_item *items;
    size_t count;
    size_t capacity;
    uint32_t *slots;
    size_t slot_count; /* 0, or a power of 2 that is at least twice the capacity */
};

struct reading {
    const struct tlsmgm_ctx_config *config;
    struct list cas;
    struct list crls;
    size_t files_seen; /* of ca_dir */
    size_t cas_read;   /* those that were known already, too */
};

static void item_free(struct tlsmgm_trust_item *item) {
    tlsmgm_blob_free(&item->der);
    tlsmgm_free(item->where);
    item->where = NULL;
}

static void items_free(struct tlsmgm_trust_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) item_free(&items[i]);
    tlsmgm_free(items);
}

void tlsmgm_trust_items_free(struct tlsmgm_trust_items *items) {
    items_free(items->cas, items->ca_count);
    items_free(items->crls, items->crl_count);
    *items = (struct tlsmgm_trust_items){0};
}

/* Who writes the configuration can waste time in other ways than by collisions. */
static size_t hash(const struct tlsmgm_blob *der) {
    uint64_t value = TLSMGM_FNV_BASIS;
    for (size_t i = 0; i < der->size; i++) value = tlsmgm_fnv(value, der->data[i]);
    return (size_t)(value ^ value >> 32);
}

/* The slot of these bytes, or the empty one where they belong. */
static uint32_t *find_slot(const struct list *list, const struct tlsmgm_blob *der) {
    size_t at = hash(der);
    for (;; at++) {
        uint32_t *slot = &list->slots[at & (list->slot_count - 1)];
        if (*slot == 0) return slot;
        struct tlsmgm_bytes other = tlsmgm_blob_view(&list->items[*slot - 1].der);
        if (tlsmgm_bytes_equal(other, tlsmgm_blob_view(der))) return slot;
    }
}

static bool list_grow(struct list *list) {
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    uint32_t *slots = tlsmgm_calloc(capacity * 2, sizeof *slots);
    if (slots == NULL) return false;
    struct tlsmgm_trust_item *items = tlsmgm_realloc(list->items, capacity * sizeof *items);
    if (items == NULL) {
        tlsmgm_free(slots);
        return false;
    }
    tlsmgm_free(list->slots);
    *list = (struct list){items, list->count, capacity, slots, capacity * 2};
    for (size_t i = 0; i < list->count; i++) {
        *find_slot(list, &items[i].der) = (uint32_t)(i + 1);
    }
    return true;
}

static enum tlsmgm_trust_setting stricter(enum tlsmgm_trust_setting one,
                                          enum tlsmgm_trust_setting other) {
    return one > other ? one : other;
}

/* Takes the item over, whatever comes of it. */
static enum tlsmgm_status list_add(struct list *list, struct tlsmgm_trust_item *item,
                                   struct tlsmgm_error *error) {
    if (list->count == list->capacity && !list_grow(list)) {
        item_free(item);
        return tlsmgm_fail_memory(error);
    }
    uint32_t *slot = find_slot(list, &item->der);
    if (*slot == 0) {
        list->items[list->count++] = *item;
        *slot = (uint32_t)list->count;
        return TLSMGM_STATUS_OK;
    }
    struct tlsmgm_trust_item *known = &list->items[*slot - 1];
    known->for_servers = stricter(known->for_servers, item->for_servers);
    known->for_clients = stricter(known->for_clients, item->for_clients);
    item_free(item);
    return TLSMGM_STATUS_OK;
}

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = tlsmgm_calloc(size, 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

/* Trust settings of a TRUSTED CERTIFICATE: CertAux of OpenSSL's crypto/x509/x_x509a.c. */

#define REJECTED TLSMGM_DER_CONSTRUCTED(0)
#define OTHER    TLSMGM_DER_CONSTRUCTED(1)

static const struct tlsmgm_bytes any_purpose = TLSMGM_OID(0x55, 0x1d, 0x25, 0);

static bool has_purpose(struct tlsmgm_cursor list, enum tlsmgm_extended_usage wanted) {
    struct tlsmgm_bytes oid;
    while (tlsmgm_der_oid(&list, &oid)) {
        if (tlsmgm_extended_usage(oid) == (unsigned)wanted || tlsmgm_bytes_equal(oid, any_purpose))
            return true;
    }
    return false;
}

static bool are_oids(struct tlsmgm_cursor list) {
    struct tlsmgm_bytes oid;
    while (tlsmgm_der_oid(&list, &oid)) continue;
    return list.left == 0;
}

struct settings {
    bool has_trusted; /* the list is there, maybe empty */
    struct tlsmgm_cursor trusted;
    struct tlsmgm_cursor rejected;
};

static bool read_settings(struct tlsmgm_bytes bytes, struct settings *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(bytes);
    struct tlsmgm_cursor aux;
    struct tlsmgm_bytes skipped;
    *out = (struct settings){0};
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &aux) || cursor.left > 0) return false;
    out->has_trusted = tlsmgm_der_is_next(&aux, TLSMGM_DER_SEQUENCE);
    if (out->has_trusted && !tlsmgm_der_enter(&aux, TLSMGM_DER_SEQUENCE, &out->trusted)) {
        return false;
    }
    if (tlsmgm_der_is_next(&aux, REJECTED) && !tlsmgm_der_enter(&aux, REJECTED, &out->rejected)) {
        return false;
    }
    (void)tlsmgm_der_expect(&aux, TLSMGM_DER_UTF8_STRING, &skipped);  /* alias */
    (void)tlsmgm_der_expect(&aux, TLSMGM_DER_OCTET_STRING, &skipped); /* key identifier */
    (void)tlsmgm_der_expect(&aux, OTHER, &skipped);
    return aux.left == 0 && are_oids(out->trusted) && are_oids(out->rejected);
}

static enum tlsmgm_trust_setting setting_for(const struct settings *settings,
                                             enum tlsmgm_extended_usage purpose) {
    if (has_purpose(settings->rejected, purpose)) return TLSMGM_TRUST_REJECTED;
    if (!settings->has_trusted) return TLSMGM_TRUST_NEUTRAL;
    return has_purpose(settings->trusted, purpose) ? TLSMGM_TRUST_TRUSTED : TLSMGM_TRUST_REJECTED;
}

/* Reads what follows the certificate, and cuts it off. NULL, or what is wrong. */
static const char *cut_settings(const struct tlsmgm_pem_item *item, struct tlsmgm_trust_item *ca) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(tlsmgm_blob_view(&ca->der));
    struct tlsmgm_der_item certificate;
    struct settings settings;
    if (!tlsmgm_der_next(&cursor, &certificate)) return "it cannot be decoded as a certificate";
    if (cursor.left == 0) return NULL;
    if (item->kind != TLSMGM_PEM_TRUSTED_CERTIFICATE) return "other bytes follow the certificate";
    if (!read_settings((struct tlsmgm_bytes){cursor.next, cursor.left}, &settings)) {
        return "its trust settings cannot be decoded";
    }
    ca->for_servers = setting_for(&settings, TLSMGM_FOR_SERVERS);
    ca->for_clients = setting_for(&settings, TLSMGM_FOR_CLIENTS);
    ca->der.size = certificate.whole.size;
    return NULL;
}

/* CONFIG when it is no certificate, UNSUPPORTED when nobody can use it; others are of memory. */
static enum tlsmgm_status decode_ca(const struct tlsmgm_pem *pem,
                                    const struct tlsmgm_pem_item *item,
                                    struct tlsmgm_trust_item *ca, struct tlsmgm_error *error) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_error detail;
    *ca = (struct tlsmgm_trust_item){0};
    if (item->headers.size > 0) return tlsmgm_pem_fail(pem, item, error, "it has headers");
    enum tlsmgm_status status = tlsmgm_pem_decode(item, &ca->der, error);
    if (status != TLSMGM_STATUS_OK) return status;
    const char *damage = cut_settings(item, ca);
    struct tlsmgm_bytes der = tlsmgm_blob_view(&ca->der);
    if (damage == NULL &&
        tlsmgm_certificate_fields_read(der, &fields, &detail) != TLSMGM_STATUS_OK) {
        damage = detail.text;
    }
    if (damage == NULL) return TLSMGM_STATUS_OK;
    bool is_decodable = damage == detail.text && tlsmgm_certificate_is_decodable(der);
    item_free(ca);
    if (is_decodable) return tlsmgm_fail(error, TLSMGM_STATUS_UNSUPPORTED, "%s", detail.text);
    return tlsmgm_pem_fail(pem, item, error, damage);
}

/* Why nobody below it will be accepted, as far as that shows before anybody comes; NULL: nothing.
 */
static const char *flaw_of(const struct tlsmgm_trust_item *ca) {
    struct tlsmgm_certificate certificate;
    if (tlsmgm_certificate_read(tlsmgm_blob_view(&ca->der), &certificate, NULL) !=
        TLSMGM_STATUS_OK) {
        return NULL; /* who uses it says so */
    }
    if (certificate.is_invalid) return "one of its extensions cannot be read";
    if (certificate.has_unknown_critical) return "it has a critical extension of an unknown kind";
    if (certificate.is_ca && certificate.has_key_usage &&
        (certificate.key_usage & TLSMGM_USE_CERT_SIGN) == 0) {
        return "its keyUsage lets it sign no certificates";
    }
    return NULL;
}

static void warn_of_ca(const struct reading *reading, const struct tlsmgm_pem *pem,
                       const char *place, const char *flaw) {
    tlsmgm_warn_of(reading->config, pem->parameter, "%s: this CA cannot be used: %s", place, flaw);
}

static enum tlsmgm_status add_ca(struct reading *reading, const struct tlsmgm_pem *pem,
                                 const struct tlsmgm_pem_item *item, struct tlsmgm_error *error) {
    char place[TLSMGM_PEM_PLACE_SIZE];
    struct tlsmgm_trust_item ca;
    struct tlsmgm_error why;
    enum tlsmgm_status status = decode_ca(pem, item, &ca, &why);
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_UNSUPPORTED) {
        if (error != NULL) *error = why;
        return status;
    }
    reading->cas_read++;
    tlsmgm_pem_place(pem, item, place, sizeof place);
    if (status == TLSMGM_STATUS_UNSUPPORTED) {
        warn_of_ca(reading, pem, place, why.text);
        return TLSMGM_STATUS_OK;
    }
    const char *flaw = flaw_of(&ca);
    if (flaw != NULL) warn_of_ca(reading, pem, place, flaw);
    ca.where = copy_text(place);
    if (ca.where != NULL) return list_add(&reading->cas, &ca, error);
    item_free(&ca);
    return tlsmgm_fail_memory(error);
}

static enum tlsmgm_status read_ca_list(struct reading *reading, struct tlsmgm_error *error) {
    const struct tlsmgm_source *source = &reading->config->ca_list;
    struct tlsmgm_blob blob;
    struct tlsmgm_pem pem;
    struct tlsmgm_pem_item item;
    enum tlsmgm_status status = tlsmgm_source_read(source, "ca_list", &blob, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tlsmgm_pem_begin(&pem, tlsmgm_blob_view(&blob), "ca_list", source->path);
    while (status == TLSMGM_STATUS_OK) {
        status = tlsmgm_pem_find(&pem, TLSMGM_PEM_A_CERTIFICATE, &item, error);
        if (status == TLSMGM_STATUS_OK) status = add_ca(reading, &pem, &item, error);
    }
    if (status == TLSMGM_STATUS_CLOSED) {
        status = pem.numbers[TLSMGM_PEM_A_CERTIFICATE] > 0
                     ? TLSMGM_STATUS_OK
                     : tlsmgm_pem_fail_missing(&pem, TLSMGM_PEM_A_CERTIFICATE, error);
    }
    tlsmgm_blob_free(&blob);
    return status;
}

static void warn_of_file(const struct reading *reading, const char *parameter, const char *text) {
    tlsmgm_warn_of(reading->config, parameter, "passed over: %s", text);
}

/* What is damaged in a file is passed over, what is whole counts. */
static enum tlsmgm_status read_ca_file(struct reading *reading, struct tlsmgm_pem *pem,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_pem_item item;
    struct tlsmgm_error detail;
    bool was_told = false;
    for (;;) {
        enum tlsmgm_status status = tlsmgm_pem_find(pem, TLSMGM_PEM_A_CERTIFICATE, &item, &detail);
        if (status == TLSMGM_STATUS_CLOSED) break;
        if (status == TLSMGM_STATUS_OK) status = add_ca(reading, pem, &item, &detail);
        if (status == TLSMGM_STATUS_OK) continue;
        if (status != TLSMGM_STATUS_CONFIG) {
            if (error != NULL) *error = detail;
            return status;
        }
        warn_of_file(reading, "ca_dir", detail.text);
        was_told = true;
    }
    if (was_told || pem->numbers[TLSMGM_PEM_A_CERTIFICATE] > 0) return TLSMGM_STATUS_OK;
    (void)tlsmgm_pem_fail_missing(pem, TLSMGM_PEM_A_CERTIFICATE, &detail);
    warn_of_file(reading, "ca_dir", detail.text);
    return TLSMGM_STATUS_OK;
}

/* The contents, from where they are or from the file; blob is empty where nothing was read. */
static enum tlsmgm_status open_file(const struct tlsmgm_source *file, const char *parameter,
                                    struct tlsmgm_blob *blob, struct tlsmgm_bytes *content,
                                    struct tlsmgm_error *error) {
    *blob = (struct tlsmgm_blob){0};
    *content = file->data;
    if (file->data.data != NULL) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_source_read(file, parameter, blob, error);
    *content = tlsmgm_blob_view(blob);
    return status;
}

static enum tlsmgm_status visit_ca_file(void *context, const struct tlsmgm_source *file,
                                        struct tlsmgm_error *error) {
    struct reading *reading = context;
    struct tlsmgm_blob blob;
    struct tlsmgm_bytes content;
    struct tlsmgm_error detail;
    reading->files_seen++;
    enum tlsmgm_status status = open_file(file, "ca_dir", &blob, &content, &detail);
    if (status == TLSMGM_STATUS_CONFIG) {
        warn_of_file(reading, "ca_dir", detail.text);
        return TLSMGM_STATUS_OK;
    }
    if (status != TLSMGM_STATUS_OK) {
        if (error != NULL) *error = detail;
        return status;
    }
    struct tlsmgm_pem pem;
    tlsmgm_pem_begin(&pem, content, "ca_dir", file->path);
    status = read_ca_file(reading, &pem, error);
    tlsmgm_blob_free(&blob);
    return status;
}

/* A directory without any is told, no more: certificates that are missing let nobody in. */
static enum tlsmgm_status read_ca_dir(struct reading *reading, struct tlsmgm_error *error) {
    const struct tlsmgm_directory *directory = &reading->config->ca_dir;
    size_t before = reading->cas_read;
    enum tlsmgm_status status =
        tlsmgm_directory_list(directory, "ca_dir", true, visit_ca_file, reading, error);
    if (status != TLSMGM_STATUS_OK || reading->cas_read > before) return status;
    tlsmgm_warn_of(reading->config, "ca_dir",
                   reading->files_seen > 0
                       ? "no readable CA certificate in the hashed files of %s"
                       : "no CA certificate named by its hash in %s (run: openssl rehash)",
                   directory->path);
    return TLSMGM_STATUS_OK;
}

/* Whether the DER is a whole CRL, and a delta. The blob stays the caller's. */
static enum tlsmgm_status check_crl(struct tlsmgm_trust_item *item, struct tlsmgm_error *error) {
    struct tlsmgm_crl crl;
    enum tlsmgm_status status = tlsmgm_crl_read(&item->der, &crl, error);
    if (status != TLSMGM_STATUS_OK) return status;
    item->is_delta = crl.is_delta;
    item->der = crl.der;
    crl.der = (struct tlsmgm_blob){0};
    tlsmgm_crl_free(&crl);
    return TLSMGM_STATUS_OK;
}

/* Takes the blob over. place names it; CONFIG when it is no whole CRL. */
static enum tlsmgm_status add_crl(struct reading *reading, struct tlsmgm_blob *der,
                                  const char *place, struct tlsmgm_error *error) {
    struct tlsmgm_trust_item item = {.der = *der};
    struct tlsmgm_error detail;
    *der = (struct tlsmgm_blob){0};
    enum tlsmgm_status status = check_crl(&item, &detail);
    if (status == TLSMGM_STATUS_OK) {
        item.where = copy_text(place);
        if (item.where != NULL) return list_add(&reading->crls, &item, error);
        status = tlsmgm_fail_memory(&detail);
    }
    item_free(&item);
    if (status != TLSMGM_STATUS_CONFIG) return tlsmgm_fail(error, status, "%s", detail.text);
    return tlsmgm_fail_parameter(error, "crl_dir", "%s: %s", place, detail.text);
}

static enum tlsmgm_status add_der_crl(struct reading *reading, const struct tlsmgm_pem *pem,
                                      struct tlsmgm_bytes content, struct tlsmgm_error *error) {
    char name[TLSMGM_PEM_PLACE_SIZE];
    struct tlsmgm_blob der;
    enum tlsmgm_status status = tlsmgm_blob_copy(content, &der, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tlsmgm_pem_name(pem, name, sizeof name);
    return add_crl(reading, &der, name, error);
}

static enum tlsmgm_status add_pem_crls(struct reading *reading, struct tlsmgm_pem *pem,
                                       struct tlsmgm_error *error) {
    char place[TLSMGM_PEM_PLACE_SIZE];
    struct tlsmgm_pem_item item;
    struct tlsmgm_blob der;
    for (;;) {
        enum tlsmgm_status status = tlsmgm_pem_find(pem, TLSMGM_PEM_A_CRL, &item, error);
        if (status == TLSMGM_STATUS_CLOSED) break;
        if (status == TLSMGM_STATUS_OK && item.headers.size > 0) {
            status = tlsmgm_pem_fail(pem, &item, error, "it has headers");
        }
        if (status == TLSMGM_STATUS_OK) status = tlsmgm_pem_decode(&item, &der, error);
        if (status != TLSMGM_STATUS_OK) return status;
        tlsmgm_pem_place(pem, &item, place, sizeof place);
        status = add_crl(reading, &der, place, error);
        if (status != TLSMGM_STATUS_OK) return status;
    }
    if (pem->numbers[TLSMGM_PEM_A_CRL] > 0) return TLSMGM_STATUS_OK;
    return tlsmgm_pem_fail_missing(pem, TLSMGM_PEM_A_CRL, error);
}

/* A file that is no CRL is told of, with what it is instead. */
static void pass_over(const struct reading *reading, struct tlsmgm_pem *pem) {
    struct tlsmgm_pem_item item;
    struct tlsmgm_error detail;
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    while (status == TLSMGM_STATUS_OK) status = tlsmgm_pem_next(pem, &item, &detail);
    if (status == TLSMGM_STATUS_CLOSED) {
        (void)tlsmgm_pem_fail_missing(pem, TLSMGM_PEM_A_CRL, &detail);
    }
    warn_of_file(reading, "crl_dir", detail.text);
}

static enum tlsmgm_status visit_crl_file(void *context, const struct tlsmgm_source *file,
                                         struct tlsmgm_error *error) {
    struct reading *reading = context;
    struct tlsmgm_blob blob;
    struct tlsmgm_bytes content;
    struct tlsmgm_pem pem;
    enum tlsmgm_status status = open_file(file, "crl_dir", &blob, &content, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tlsmgm_pem_begin(&pem, content, "crl_dir", file->path);
    if (tlsmgm_begins_as_crl(content)) {
        status = add_der_crl(reading, &pem, content, error);
    } else if (tlsmgm_has_crl_marker(content)) {
        status = add_pem_crls(reading, &pem, error);
    } else {
        pass_over(reading, &pem);
    }
    tlsmgm_blob_free(&blob);
    return status;
}

static enum tlsmgm_status read_crl_dir(struct reading *reading, struct tlsmgm_error *error) {
    const struct tlsmgm_directory *directory = &reading->config->crl_dir;
    enum tlsmgm_status status =
        tlsmgm_directory_list(directory, "crl_dir", false, visit_crl_file, reading, error);
    if (status != TLSMGM_STATUS_OK || reading->crls.count > 0) return status;
    return tlsmgm_fail_parameter(error, "crl_dir", "no CRL in %s", directory->path);
}

enum tlsmgm_status tlsmgm_trust_items_read(const struct tlsmgm_ctx_config *config,
                                           struct tlsmgm_trust_items *out,
                                           struct tlsmgm_error *error) {
    struct reading reading = {.config = config};
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    *out = (struct tlsmgm_trust_items){0};
    if (tlsmgm_source_is_given(&config->ca_list)) status = read_ca_list(&reading, error);
    size_t ca_list_count = reading.cas.count;
    if (status == TLSMGM_STATUS_OK && config->ca_dir.path != NULL)
        status = read_ca_dir(&reading, error);
    if (status == TLSMGM_STATUS_OK && config->crl_dir.path != NULL)
        status = read_crl_dir(&reading, error);
    tlsmgm_free(reading.cas.slots);
    tlsmgm_free(reading.crls.slots);
    *out = (struct tlsmgm_trust_items){reading.cas.items, reading.cas.count, ca_list_count,
                                       reading.crls.items, reading.crls.count};
    if (status != TLSMGM_STATUS_OK) tlsmgm_trust_items_free(out);
    return status;
}

enum tlsmgm_status tlsmgm_trust_items_drop_deltas(struct tlsmgm_trust_items *items,
                                                  const struct tlsmgm_ctx_config *config,
                                                  struct tlsmgm_error *error) {
    size_t count = items->crl_count;
    items->crl_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct tlsmgm_trust_item *item = &items->crls[i];
        if (item->is_delta) {
            tlsmgm_warn_of(config, "crl_dir", "%s: a delta CRL, which is not used", item->where);
            item_free(item);
        } else {
            items->crls[items->crl_count++] = *item;
        }
    }
    if (count == 0 || items->crl_count > 0) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "crl_dir", "there are delta CRLs only in %s",
                                 config->crl_dir.path);
}
