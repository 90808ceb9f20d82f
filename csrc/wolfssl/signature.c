/* Signatures of certificates and CRLs. wolfSSL's own verifier of chains is not used; see path.h. */

#include "internal.h"

/* Behind the options, which come with internal.h. */
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

static enum wc_HashType hash_of(enum tlsmgm_digest digest) {
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

/* What both signatures with RSA and with curves need; the key is wolfSSL's. */
static bool verify_plain(const struct tlsmgm_signature *signature, enum wc_SignatureType type,
                         void *key, word32 key_size) {
    enum wc_HashType hash = hash_of(signature->digest);
    return hash != WC_HASH_TYPE_NONE &&
           wc_SignatureVerify(hash, type, signature->signed_bytes.data,
                              (word32)signature->signed_bytes.size, signature->bits.data,
                              (word32)signature->bits.size, key, key_size) == 0;
}

/* The largest modulus that a library of ours takes: 16384 bits. */
#define RSA_SIZE_MAX 2048u

static bool verify_pss(const struct tlsmgm_signature *signature, RsaKey *key) {
    enum wc_HashType hash = hash_of(signature->digest);
    uint8_t digest[WC_MAX_DIGEST_SIZE];
    uint8_t plain[RSA_SIZE_MAX];
    int digest_size = hash == WC_HASH_TYPE_NONE ? 0 : wc_HashGetDigestSize(hash);
    if (digest_size <= 0 || (size_t)digest_size > sizeof digest) return false;
    if (signature->bits.size > sizeof plain) return false;
    if (wc_Hash(hash, signature->signed_bytes.data, (word32)signature->signed_bytes.size, digest,
                (word32)digest_size) != 0) {
        return false;
    }
    int size =
        wc_RsaPSS_Verify_ex((byte *)(uintptr_t)signature->bits.data, (word32)signature->bits.size,
                            plain, (word32)signature->bits.size, hash,
                            mask_of(signature->mask_digest), (int)signature->salt_size, key);
    return size > 0 && wc_RsaPSS_CheckPadding_ex(digest, (word32)digest_size, plain, (word32)size,
                                                 hash, (int)signature->salt_size, 0) == 0;
}

static enum tlsmgm_signature_answer answer_if(bool is_good) {
    return is_good ? TLSMGM_SIGNATURE_GOOD : TLSMGM_SIGNATURE_WRONG;
}

static enum tlsmgm_signature_answer check_rsa(const struct tlsmgm_signature *signature,
                                              struct tlsmgm_bytes info) {
    RsaKey key;
    word32 index = 0;
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_NO_KEY;
    if (wc_InitRsaKey(&key, NULL) != 0) return answer;
    if (wc_RsaPublicKeyDecode(info.data, &index, &key, (word32)info.size) == 0) {
        bool is_pss = signature->kind == TLSMGM_SIGNATURE_RSA_PSS;
        answer = answer_if(
            is_pss ? verify_pss(signature, &key)
                   : verify_plain(signature, WC_SIGNATURE_TYPE_RSA_W_ENC, &key, sizeof key));
    }
    (void)wc_FreeRsaKey(&key);
    return answer;
}

static enum tlsmgm_signature_answer check_ecdsa(const struct tlsmgm_signature *signature,
                                                struct tlsmgm_bytes info) {
    ecc_key key;
    word32 index = 0;
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_NO_KEY;
    if (wc_ecc_init(&key) != 0) return answer;
    if (wc_EccPublicKeyDecode(info.data, &index, &key, (word32)info.size) == 0) {
        answer = answer_if(verify_plain(signature, WC_SIGNATURE_TYPE_ECC, &key, sizeof key));
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
    if (!tlsmgm_signature_fits(signature, key->kind)) return TLSMGM_SIGNATURE_WRONG;
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
