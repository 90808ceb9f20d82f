#include "path/anchors.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "x509/der.h"
#include "x509/name_match.h"

/* A signature fits one key, so one is all there is to remember. */
struct tlsmgm_signer_memory {
    _Atomic(struct tlsmgm_blob *) key; /* SubjectPublicKeyInfo; NULL: nobody has looked yet */
};

static bool is_known(const struct tlsmgm_anchors *anchors, const struct tlsmgm_anchor *anchor) {
    for (size_t i = 0; i < anchors->ca_count; i++) {
        const struct tlsmgm_anchor *other = &anchors->cas[i];
        if (other->subject_hash == anchor->subject_hash &&
            other->for_servers == anchor->for_servers &&
            other->for_clients == anchor->for_clients &&
            tlsmgm_bytes_equal(other->certificate.der, anchor->certificate.der)) {
            return true;
        }
    }
    return false;
}

/* Room for one more; *items may move. */
static bool make_room(void **items, size_t count, size_t size) {
    if ((count & (count - 1)) != 0) return true; /* grown to the next power of two before */
    size_t room = count == 0 ? 1 : 2 * count;
    void *larger = tlsmgm_realloc(*items, room * size);
    if (larger == NULL) return false;
    *items = larger;
    return true;
}

enum tlsmgm_status tlsmgm_anchors_add_ca(struct tlsmgm_anchors *anchors, struct tlsmgm_blob *der,
                                         enum tlsmgm_trust_setting for_servers,
                                         enum tlsmgm_trust_setting for_clients,
                                         struct tlsmgm_error *error) {
    struct tlsmgm_anchor anchor = {.for_servers = for_servers, .for_clients = for_clients};
    struct tlsmgm_error why;
    if (tlsmgm_certificate_read(tlsmgm_blob_view(der), &anchor.certificate, &why) !=
        TLSMGM_STATUS_OK) {
        return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "%s", why.text);
    }
    anchor.subject_hash = tlsmgm_name_hash(anchor.certificate.fields.subject);
    if (is_known(anchors, &anchor)) {
        tlsmgm_blob_free(der);
        return TLSMGM_STATUS_OK;
    }
    void *items = anchors->cas;
    if (!make_room(&items, anchors->ca_count, sizeof anchor)) return tlsmgm_fail_memory(error);
    anchors->cas = items;
    anchor.der = *der;
    *der = (struct tlsmgm_blob){0};
    anchors->cas[anchors->ca_count++] = anchor;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_anchors_add_crl(struct tlsmgm_anchors *anchors, struct tlsmgm_blob *der,
                                          struct tlsmgm_error *error) {
    void *items = anchors->crls;
    if (!make_room(&items, anchors->crl_count, sizeof *anchors->crls)) {
        return tlsmgm_fail_memory(error);
    }
    anchors->crls = items;
    struct tlsmgm_revocation *revocation = &anchors->crls[anchors->crl_count];
    revocation->memory = tlsmgm_calloc(1, sizeof *revocation->memory);
    if (revocation->memory == NULL) return tlsmgm_fail_memory(error);
    atomic_init(&revocation->memory->key, NULL);
    enum tlsmgm_status status = tlsmgm_crl_read(der, &revocation->crl, error);
    if (status != TLSMGM_STATUS_OK) {
        tlsmgm_free(revocation->memory);
        return status;
    }
    revocation->issuer_hash = tlsmgm_name_hash(revocation->crl.issuer);
    anchors->crl_count++;
    return TLSMGM_STATUS_OK;
}

/* By insertion, which keeps the order of equals; lists are short and are sorted once. */
static void sort_cas(struct tlsmgm_anchors *anchors) {
    for (size_t i = 1; i < anchors->ca_count; i++) {
        struct tlsmgm_anchor moved = anchors->cas[i];
        size_t at = i;
        for (; at > 0 && anchors->cas[at - 1].subject_hash > moved.subject_hash; at--) {
            anchors->cas[at] = anchors->cas[at - 1];
        }
        anchors->cas[at] = moved;
    }
}

static void sort_crls(struct tlsmgm_anchors *anchors) {
    for (size_t i = 1; i < anchors->crl_count; i++) {
        for (size_t at = i;
             at > 0 && anchors->crls[at - 1].issuer_hash > anchors->crls[at].issuer_hash; at--) {
            struct tlsmgm_revocation moved = anchors->crls[at];
            anchors->crls[at] = anchors->crls[at - 1];
            anchors->crls[at - 1] = moved;
        }
    }
}

void tlsmgm_anchors_seal(struct tlsmgm_anchors *anchors) {
    sort_cas(anchors);
    sort_crls(anchors);
}

static void free_key(struct tlsmgm_blob *key) {
    if (key == NULL) return;
    tlsmgm_blob_free(key);
    tlsmgm_free(key);
}

void tlsmgm_anchors_free(struct tlsmgm_anchors *anchors) {
    for (size_t i = 0; i < anchors->ca_count; i++) tlsmgm_blob_free(&anchors->cas[i].der);
    for (size_t i = 0; i < anchors->crl_count; i++) {
        tlsmgm_crl_free(&anchors->crls[i].crl);
        free_key(atomic_load(&anchors->crls[i].memory->key));
        tlsmgm_free(anchors->crls[i].memory);
    }
    tlsmgm_free(anchors->cas);
    tlsmgm_free(anchors->crls);
    *anchors = (struct tlsmgm_anchors){0};
}

const struct tlsmgm_anchor *tlsmgm_anchors_find(const struct tlsmgm_anchors *anchors,
                                                uint64_t subject_hash, size_t *count) {
    size_t low = 0;
    for (size_t high = anchors->ca_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (anchors->cas[middle].subject_hash < subject_hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < anchors->ca_count &&
           anchors->cas[low + *count].subject_hash == subject_hash) {
        ++*count;
    }
    return *count == 0 ? NULL : &anchors->cas[low];
}

struct tlsmgm_revocation *tlsmgm_anchors_find_crls(const struct tlsmgm_anchors *anchors,
                                                   uint64_t issuer_hash, size_t *count) {
    size_t low = 0;
    for (size_t high = anchors->crl_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (anchors->crls[middle].issuer_hash < issuer_hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < anchors->crl_count &&
           anchors->crls[low + *count].issuer_hash == issuer_hash) {
        ++*count;
    }
    return *count == 0 ? NULL : &anchors->crls[low];
}

const struct tlsmgm_anchor *tlsmgm_anchors_same(const struct tlsmgm_anchors *anchors,
                                                const struct tlsmgm_certificate *certificate) {
    size_t count;
    const struct tlsmgm_anchor *found =
        tlsmgm_anchors_find(anchors, tlsmgm_name_hash(certificate->fields.subject), &count);
    for (size_t i = 0; i < count; i++) {
        if (tlsmgm_bytes_equal(found[i].certificate.der, certificate->der)) return &found[i];
    }
    return NULL;
}

static struct tlsmgm_blob *copy_key(struct tlsmgm_bytes info) {
    struct tlsmgm_blob *copy = tlsmgm_calloc(1, sizeof *copy);
    if (copy == NULL || tlsmgm_blob_copy(info, copy, NULL) == TLSMGM_STATUS_OK) return copy;
    tlsmgm_free(copy);
    return NULL;
}

bool tlsmgm_revocation_is_by(struct tlsmgm_revocation *revocation,
                             const struct tlsmgm_public_key *key, tlsmgm_signature_check check) {
    const struct tlsmgm_blob *known = atomic_load(&revocation->memory->key);
    if (known != NULL && tlsmgm_bytes_equal(tlsmgm_blob_view(known), key->info)) return true;
    const struct tlsmgm_signature *signature = &revocation->crl.signature;
    if (!tlsmgm_bytes_equal(revocation->crl.inner_algorithm, signature->algorithm) ||
        !tlsmgm_signature_is_allowed(signature, key) ||
        check(signature, key) != TLSMGM_SIGNATURE_GOOD) {
        return false;
    }
    struct tlsmgm_blob *none = NULL;
    struct tlsmgm_blob *copy = copy_key(key->info);
    if (copy != NULL && !atomic_compare_exchange_strong(&revocation->memory->key, &none, copy)) {
        free_key(copy);
    }
    return true;
}
