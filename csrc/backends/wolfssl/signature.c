/* Signatures of certificates and CRLs. wolfSSL's own verifier of chains is not used; see path.h. */

#include <string.h>

#include "backends/wolfssl/internal.h"

/* Behind the options, which come with internal.h. */
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum wc_HashType wssl_hash_of(enum tlsmgm_digest digest) {
    switch (digest) {
        case TLSMGM_DIGEST_NONE:
        case TLSMGM_DIGEST_MD5: /* too weak for anything here */
            return WC_HASH_TYPE_NONE;
        case TLSMGM_DIGEST_SHA1:
            return WC_HASH_TYPE_SHA;
        case TLSMGM_DIGEST_SHA224:
            return WC_HASH_TYPE_SHA224;
        case TLSMGM_DIGEST_SHA256:
            return WC_HASH_TYPE_SHA256;
        case TLSMGM_DIGEST_SHA384:
            return WC_HASH_TYPE_SHA384;
        case TLSMGM_DIGEST_SHA512:
            return WC_HASH_TYPE_SHA512;
    }
    return WC_HASH_TYPE_NONE;
}

static int mask_of(enum tlsmgm_digest digest) {
    switch (digest) {
        case TLSMGM_DIGEST_NONE:
        case TLSMGM_DIGEST_MD5:
            return WC_MGF1NONE;
        case TLSMGM_DIGEST_SHA1:
            return WC_MGF1SHA1;
        case TLSMGM_DIGEST_SHA224:
            return WC_MGF1SHA224;
        case TLSMGM_DIGEST_SHA256:
            return WC_MGF1SHA256;
        case TLSMGM_DIGEST_SHA384:
            return WC_MGF1SHA384;
        case TLSMGM_DIGEST_SHA512:
            return WC_MGF1SHA512;
    }
    return WC_MGF1NONE;
}

struct digest {
    enum wc_HashType hash;
    word32 size;
    uint8_t bytes[WC_MAX_DIGEST_SIZE];
};

static bool make_digest(const struct tlsmgm_signature *signature, struct digest *out) {
    out->hash = wssl_hash_of(signature->digest);
    int size = out->hash == WC_HASH_TYPE_NONE ? 0 : wc_HashGetDigestSize(out->hash);
    if (size <= 0 || (size_t)size > sizeof out->bytes) return false;
    out->size = (word32)size;
    return wc_Hash(out->hash, signature->signed_bytes.data, (word32)signature->signed_bytes.size,
                   out->bytes, out->size) == 0;
}

/* The largest modulus that a library of ours takes: 16384 bits. */
#define RSA_SIZE_MAX 2048u

/* Around a digest: two sequences, an object identifier, a NULL. */
#define DIGEST_INFO_MAX (WC_MAX_DIGEST_SIZE + 32u)

/*
 * wolfSSL's own wc_SignatureVerify() refuses digests below 256 bits. Where they are too weak has
 * been decided before; CRLs may have them.
 */
static bool verify_pkcs1(const struct tlsmgm_signature *signature, const struct digest *digest,
                         RsaKey *key) {
    uint8_t plain[RSA_SIZE_MAX];
    uint8_t wanted[DIGEST_INFO_MAX];
    int oid = wc_HashGetOID(digest->hash);
    if (oid <= 0 || signature->bits.size > sizeof plain) return false;
    word32 wanted_size = wc_EncodeSignature(wanted, digest->bytes, digest->size, oid);
    int size = wc_RsaSSL_Verify(signature->bits.data, (word32)signature->bits.size, plain,
                                (word32)sizeof plain, key);
    return size > 0 && wanted_size > 0 && (word32)size == wanted_size &&
           memcmp(plain, wanted, wanted_size) == 0;
}

static bool verify_pss(const struct tlsmgm_signature *signature, const struct digest *digest,
                       RsaKey *key) {
    uint8_t plain[RSA_SIZE_MAX];
    int salt_size = (int)signature->pss.salt_size;
    if (signature->bits.size > sizeof plain) return false;
    int size =
        wc_RsaPSS_Verify_ex((byte *)(uintptr_t)signature->bits.data, (word32)signature->bits.size,
                            plain, (word32)signature->bits.size, digest->hash,
                            mask_of(signature->pss.mask_digest), salt_size, key);
    return size > 0 && wc_RsaPSS_CheckPadding_ex(digest->bytes, digest->size, plain, (word32)size,
                                                 digest->hash, salt_size, 0) == 0;
}

static enum tlsmgm_signature_answer answer_if(bool is_good) {
    return is_good ? TLSMGM_SIGNATURE_GOOD : TLSMGM_SIGNATURE_WRONG;
}

/* wolfSSL reads keys of any size, and computes with those that its build has room for. */
static bool read_rsa(struct tlsmgm_bytes info, RsaKey *key) {
    word32 index = 0;
    if (wc_RsaPublicKeyDecode(info.data, &index, key, (word32)info.size) != 0) return false;
    int size = wc_RsaEncryptSize(key);
    return size > 0 && size * 8 <= RSA_MAX_SIZE;
}

static enum tlsmgm_signature_answer check_rsa(const struct tlsmgm_signature *signature,
                                              struct tlsmgm_bytes info) {
    RsaKey key;
    struct digest digest;
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_NO_KEY;
    if (wc_InitRsaKey(&key, NULL) != 0) return answer;
    if (read_rsa(info, &key)) {
        bool is_pss = signature->kind == TLSMGM_SIGNATURE_RSA_PSS;
        answer = answer_if(make_digest(signature, &digest) &&
                           (is_pss ? verify_pss(signature, &digest, &key)
                                   : verify_pkcs1(signature, &digest, &key)));
    }
    (void)wc_FreeRsaKey(&key);
    return answer;
}

static enum tlsmgm_signature_answer check_ecdsa(const struct tlsmgm_signature *signature,
                                                struct tlsmgm_bytes info) {
    ecc_key key;
    struct digest digest;
    word32 index = 0;
    int verified = 0;
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_NO_KEY;
    if (wc_ecc_init(&key) != 0) return answer;
    if (wc_EccPublicKeyDecode(info.data, &index, &key, (word32)info.size) == 0) {
        answer = answer_if(make_digest(signature, &digest) &&
                           wc_ecc_verify_hash(signature->bits.data, (word32)signature->bits.size,
                                              digest.bytes, digest.size, &verified, &key) == 0 &&
                           verified == 1);
    }
    (void)wc_ecc_free(&key);
    return answer;
}

static enum tlsmgm_signature_answer check_ed25519(const struct tlsmgm_signature *signature,
                                                  struct tlsmgm_bytes info) {
    ed25519_key key;
    word32 index = 0;
    int verified = 0;
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_NO_KEY;
    if (wc_ed25519_init(&key) != 0) return answer;
    if (wc_Ed25519PublicKeyDecode(info.data, &index, &key, (word32)info.size) == 0) {
        int result = wc_ed25519_verify_msg(signature->bits.data, (word32)signature->bits.size,
                                           signature->signed_bytes.data,
                                           (word32)signature->signed_bytes.size, &verified, &key);
        answer = answer_if(result == 0 && verified == 1);
    }
    wc_ed25519_free(&key);
    return answer;
}

enum tlsmgm_signature_answer wssl_check_signature(const struct tlsmgm_signature *signature,
                                                  const struct tlsmgm_public_key *key) {
    if (!tlsmgm_signature_is_allowed(signature, key)) return TLSMGM_SIGNATURE_WRONG;
    switch (signature->kind) {
        case TLSMGM_SIGNATURE_UNKNOWN:
        case TLSMGM_SIGNATURE_ED448: /* not in our build of wolfSSL */
            return TLSMGM_SIGNATURE_NO_KEY;
        case TLSMGM_SIGNATURE_RSA:
        case TLSMGM_SIGNATURE_RSA_PSS:
            return check_rsa(signature, key->info);
        case TLSMGM_SIGNATURE_ECDSA:
            return check_ecdsa(signature, key->info);
        case TLSMGM_SIGNATURE_ED25519:
            return check_ed25519(signature, key->info);
    }
    return TLSMGM_SIGNATURE_NO_KEY;
}

static bool can_use_rsa(struct tlsmgm_bytes info) {
    RsaKey key;
    if (wc_InitRsaKey(&key, NULL) != 0) return false;
    bool can = read_rsa(info, &key);
    (void)wc_FreeRsaKey(&key);
    return can;
}

static bool can_use_ec(struct tlsmgm_bytes info) {
    ecc_key key;
    word32 index = 0;
    if (wc_ecc_init(&key) != 0) return false;
    bool can = wc_EccPublicKeyDecode(info.data, &index, &key, (word32)info.size) == 0;
    (void)wc_ecc_free(&key);
    return can;
}

bool wssl_can_use_key(const struct tlsmgm_public_key *key) {
    switch (key->kind) {
        case TLSMGM_PUBLIC_KEY_UNKNOWN:
        case TLSMGM_PUBLIC_KEY_ED448:
            return false;
        case TLSMGM_PUBLIC_KEY_RSA:
        case TLSMGM_PUBLIC_KEY_RSA_PSS:
            return can_use_rsa(key->info);
        case TLSMGM_PUBLIC_KEY_EC:
            return can_use_ec(key->info);
        case TLSMGM_PUBLIC_KEY_ED25519:
            return true;
    }
    return false;
}
