/*
 * Session tickets sealed with the key ring of the domain: AES-256-GCM, the key's name and the
 * domain's scope are the additional data. wolfSSL itself does not compare the scope in TLS 1.2.
 *
 * wolfSSL puts the peer's certificate at the end of a ticket, but gives it back only when it can
 * verify it again, for which an intermediate is missing by then. So we note in two more bytes how
 * long that certificate is, and take it from the ticket ourselves: it was verified when the
 * ticket was sealed, under the rules that the scope stands for.
 *
 * A ticket's nonce is one byte, which wolfSSL counts up along a chain of resumptions and lets the
 * handshake fail when it overflows. So a third byte counts them, too, and ends the chain earlier.
 */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/wipe.h"

#define NONCE_SIZE   12u
#define TAG_SIZE     16u
#define TRAILER_SIZE 3 /* depth of resumption, length of the certificate */
#define DEPTH_MAX    200u
#define LEAF_IS_OURS 0x8000u /* bit of the length: the certificate was put there by us */

static bool use_key(Aes *aes, const struct tlsmgm_ticket_key *key) {
    return wc_AesInit(aes, NULL, INVALID_DEVID) == 0 &&
           wc_AesGcmSetKey(aes, key->cipher, sizeof key->cipher) == 0;
}

struct additional {
    uint8_t bytes[TLSMGM_TICKET_NAME_SIZE + TLSMGM_SCOPE_MAX];
    word32 size;
};

static struct additional additional_of(const struct tlsmgm_ticket_key *key,
                                       const struct tlsmgm_scope *scope) {
    struct additional data = {.size = TLSMGM_TICKET_NAME_SIZE + (word32)scope->size};
    memcpy(data.bytes, key->name, sizeof key->name);
    memcpy(data.bytes + sizeof key->name, scope->bytes, scope->size);
    return data;
}

static bool aead_seal(const struct tlsmgm_ticket_key *key, const struct tlsmgm_scope *scope,
                      const unsigned char *nonce, unsigned char *mac, unsigned char *ticket,
                      int size) {
    Aes aes;
    struct additional data = additional_of(key, scope);
    bool good = use_key(&aes, key) &&
                wc_AesGcmEncrypt(&aes, ticket, ticket, (word32)size, nonce, NONCE_SIZE, mac,
                                 TAG_SIZE, data.bytes, data.size) == 0;
    wc_AesFree(&aes);
    return good;
}

static bool aead_open(const struct tlsmgm_ticket_key *key, const struct tlsmgm_scope *scope,
                      const unsigned char *nonce, const unsigned char *mac, unsigned char *ticket,
                      int size) {
    Aes aes;
    struct additional data = additional_of(key, scope);
    bool good = use_key(&aes, key) &&
                wc_AesGcmDecrypt(&aes, ticket, ticket, (word32)size, nonce, NONCE_SIZE, mac,
                                 TAG_SIZE, data.bytes, data.size) == 0;
    wc_AesFree(&aes);
    return good;
}

/* The peer's certificate that a new ticket must carry. */
static const struct tlsmgm_blob *leaf_of(const struct tlsmgm_conn *conn) {
    return conn->base.peer_chain.count > 0 ? &conn->base.peer_chain.items[0] : &conn->resumed_leaf;
}

static bool ends_with(const unsigned char *ticket, int size, const struct tlsmgm_blob *leaf) {
    if (leaf->size == 0) return true;
    return leaf->size <= (size_t)size &&
           memcmp(ticket + (size_t)size - leaf->size, leaf->data, leaf->size) == 0;
}

static int put_trailer(unsigned char *ticket, int size, size_t length, unsigned depth) {
    ticket[size] = (unsigned char)depth;
    ticket[size + 1] = (unsigned char)(length >> 8);
    ticket[size + 2] = (unsigned char)length;
    return size + TRAILER_SIZE;
}

/*
 * Makes sure that the ticket holds the leaf, and says so at its end. wolfSSL has put it there,
 * unless this connection was itself resumed with a leaf that wolfSSL could not verify again.
 * Returns the new size, or 0 when the leaf is too large to be carried along.
 */
static int carry_leaf(unsigned char *ticket, int size, int room, const struct tlsmgm_blob *leaf,
                      unsigned depth) {
    size_t length = leaf->size;
    if (length >= LEAF_IS_OURS) return 0;
    if (!ends_with(ticket, size, leaf)) {
        if (length > (size_t)(room - size)) return 0;
        memcpy(ticket + size, leaf->data, length);
        size += (int)length;
        length |= LEAF_IS_OURS;
    }
    return put_trailer(ticket, size, length, depth);
}

static int seal(const struct tlsmgm_conn *conn, unsigned char *name, unsigned char *iv,
                unsigned char *mac, unsigned char *ticket, int size, int *out_size) {
    struct tlsmgm_ticket_key key;
    const struct tlsmgm_blob *leaf = leaf_of(conn);
    int room = *out_size - TRAILER_SIZE;
    bool resumed = wolfSSL_session_reused(conn->ssl) == 1;
    unsigned depth = resumed ? conn->ticket_depth + 1 : 1;
    if (size > room) return WOLFSSL_TICKET_RET_FATAL;
    if (!tlsmgm_ticket_keys_current(conn->base.ctx->base.ticket_keys, &key))
        return WOLFSSL_TICKET_RET_FATAL;
    bool good = wolfSSL_RAND_bytes(iv, WOLFSSL_TICKET_IV_SZ) == WOLFSSL_SUCCESS;
    int sealed = carry_leaf(ticket, size, room, leaf, depth);
    if (sealed == 0) {
        /* A ticket cannot be refused any more, so this one is sealed with a key that nobody has:
         * it sends the client into a full handshake. */
        good = good && wolfSSL_RAND_bytes((unsigned char *)&key, sizeof key) == WOLFSSL_SUCCESS;
        sealed = put_trailer(ticket, size, 0, depth);
    }
    *out_size = sealed;
    memcpy(name, key.name, sizeof key.name);
    memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
    good = good && aead_seal(&key, &conn->base.ctx->base.scope, iv, mac, ticket, *out_size);
    tlsmgm_wipe(&key, sizeof key);
    return good ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
}

/*
 * A client may offer several tickets, and which of them is taken is not told here. Tickets of
 * different peers in one hello are not honest, so the second one is refused.
 */
static bool note_leaf(struct tlsmgm_conn *conn, struct tlsmgm_bytes leaf) {
    struct tlsmgm_blob *noted = &conn->resumed_leaf;
    if (leaf.size == 0 || noted->size > 0) return tlsmgm_bytes_equal(leaf, tlsmgm_blob_view(noted));
    return tlsmgm_blob_copy(leaf, noted, NULL) == TLSMGM_STATUS_OK;
}

static int open_ticket(struct tlsmgm_conn *conn, const unsigned char *name, const unsigned char *iv,
                       const unsigned char *mac, unsigned char *ticket, int size, int *out_size) {
    struct tlsmgm_ticket_key key;
    bool is_current;
    if (!tlsmgm_ticket_keys_find(conn->base.ctx->base.ticket_keys, name, &key, &is_current)) {
        return WOLFSSL_TICKET_RET_REJECT;
    }
    bool good =
        size > TRAILER_SIZE && aead_open(&key, &conn->base.ctx->base.scope, iv, mac, ticket, size);
    tlsmgm_wipe(&key, sizeof key);
    if (!good) return WOLFSSL_TICKET_RET_REJECT;
    size_t inner = (size_t)size - TRAILER_SIZE;
    unsigned depth = ticket[inner];
    size_t length = (size_t)ticket[inner + 1] << 8 | ticket[inner + 2];
    if (depth >= DEPTH_MAX) return WOLFSSL_TICKET_RET_REJECT; /* a new chain begins */
    if (depth > conn->ticket_depth) conn->ticket_depth = depth;
    size_t leaf_size = length & ~(size_t)LEAF_IS_OURS;
    if (leaf_size > inner) return WOLFSSL_TICKET_RET_REJECT;
    struct tlsmgm_bytes leaf = {ticket + inner - leaf_size, leaf_size};
    if (leaf_size > 0 && conn->base.ctx->base.verify_peer && !wssl_is_in_force(leaf)) {
        return WOLFSSL_TICKET_RET_REJECT; /* it has expired since */
    }
    if (!note_leaf(conn, leaf)) return WOLFSSL_TICKET_RET_REJECT;
    if (leaf_size == 0 && conn->base.ctx->base.verify_peer && conn->base.ctx->base.require_peer) {
        return WOLFSSL_TICKET_RET_REJECT; /* a ticket without a peer opens nothing here */
    }
    *out_size = (int)((length & LEAF_IS_OURS) != 0 ? inner - leaf_size : inner);
    /* In TLS 1.3 every connection gets a new ticket, and wolfSSL takes CREATE for a refusal. */
    bool renew = !is_current && wolfSSL_version(conn->ssl) < TLS1_3_VERSION;
    return renew ? WOLFSSL_TICKET_RET_CREATE : WOLFSSL_TICKET_RET_OK;
}

int wssl_ticket_callback(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                         int sealing, unsigned char *ticket, int size, int *out_size,
                         void *argument) {
    struct tlsmgm_conn *conn = wolfSSL_GetIOReadCtx(ssl);
    (void)argument;
    return sealing ? seal(conn, name, iv, mac, ticket, size, out_size)
                   : open_ticket(conn, name, iv, mac, ticket, size, out_size);
}
