#include "engine/preface.h"

#include <string.h>

#include "base/error.h"
#include "base/text_writer.h"
#include "base/version_name.h"
#include "x509/algorithm_name.h"
#include "x509/certificate_fields.h"

/* Longer ones are left out. */
#define TEXT_SIZE (TLSMGM_PROXY_VALUE_MAX + 1u)

/* Texts that are made for the header, which borrows them. */
struct texts {
    char server_name[TEXT_SIZE];
    char alpn[TEXT_SIZE];
    char common_name[TEXT_SIZE];
    char key_algorithm[TLSMGM_KEY_NAME_SIZE];
};

static struct tlsmgm_bytes view(const char *text, size_t length) {
    return (struct tlsmgm_bytes){(const uint8_t *)text, length};
}

/* A text of the library, or of a table of ours; NULL: there is none. */
static struct tlsmgm_bytes view_of(const char *text) {
    return text == NULL ? (struct tlsmgm_bytes){0} : view(text, strlen(text));
}

/* A text that was written to room of size bytes, and has that length if it fitted. */
static struct tlsmgm_bytes view_whole(const char *text, size_t size, size_t length) {
    return length < size ? view(text, length) : (struct tlsmgm_bytes){0};
}

static struct tlsmgm_bytes readable(struct tlsmgm_bytes name, char out[TEXT_SIZE]) {
    struct tlsmgm_text_writer writer = {.out = out, .size = TEXT_SIZE};
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x80) {
            tlsmgm_text_byte(&writer, name.data[i]);
        } else {
            tlsmgm_text_string(&writer, "\\x");
            tlsmgm_text_hex(&writer, name.data[i]);
        }
    }
    return view_whole(out, TEXT_SIZE, tlsmgm_text_end(&writer));
}

static enum tlsmgm_status tell_peer(const struct tlsmgm_preface_client *client,
                                    const struct tlsmgm_conn_info *info, struct texts *texts,
                                    struct tlsmgm_proxy_tls *tls, struct tlsmgm_error *error) {
    struct tlsmgm_bytes shown = client->backend->peer_certificate(client->conn, 0);
    struct tlsmgm_certificate_fields fields;
    size_t length = 0;
    if (shown.size == 0) {
        /* OpenSSL's is copied when it is asked for. */
        return info->has_peer_certificate ? tlsmgm_fail_memory(error) : TLSMGM_STATUS_OK;
    }
    enum tlsmgm_status status = tlsmgm_certificate_fields_read(shown, &fields, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tls->has_certificate = true;
    tls->is_verified = info->has_peer_certificate && info->verify_reason == TLSMGM_VERIFY_NONE;
    if (tlsmgm_name_attribute(fields.subject, TLSMGM_COMMON_NAME, texts->common_name,
                              sizeof texts->common_name, &length)) {
        tls->common_name = view_whole(texts->common_name, sizeof texts->common_name, length);
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status tell_own(const struct tlsmgm_preface_client *client, struct texts *texts,
                                   struct tlsmgm_proxy_tls *tls, struct tlsmgm_error *error) {
    struct tlsmgm_bytes own = client->backend->own_certificate(client->conn);
    struct tlsmgm_certificate_fields fields;
    if (own.size == 0) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_certificate_fields_read(own, &fields, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tls->signature_algorithm = view_of(tlsmgm_signature_name(fields.signature_algorithm));
    size_t length =
        tlsmgm_key_name(fields.public_key_info, texts->key_algorithm, sizeof texts->key_algorithm);
    tls->key_algorithm = view(texts->key_algorithm, length);
    return TLSMGM_STATUS_OK;
}

/* The protocol agreed on comes first: the next call on the connection may move it. */
static enum tlsmgm_status tell_tls(const struct tlsmgm_preface_client *client, bool is_all,
                                   struct texts *texts, struct tlsmgm_proxy_tls *tls,
                                   struct tlsmgm_error *error) {
    struct tlsmgm_conn_info info;
    client->backend->conn_info(client->conn, &info);
    *tls = (struct tlsmgm_proxy_tls){
        .version = view_of(tlsmgm_version_name(info.version)),
        .cipher = view_of(info.cipher),
        .is_resumed = info.session_reused,
    };
    if (is_all) {
        tls->alpn = readable(info.alpn, texts->alpn);
        tls->server_name = readable(client->server_name, texts->server_name);
        tls->group = view_of(info.group);
    }
    enum tlsmgm_status status = tell_peer(client, &info, texts, tls, error);
    if (status == TLSMGM_STATUS_OK && is_all) status = tell_own(client, texts, tls, error);
    return status;
}

static enum tlsmgm_status write_binary(enum tlsmgm_preface_values values,
                                       const struct tlsmgm_preface_client *client, uint8_t *out,
                                       size_t *size, struct tlsmgm_error *error) {
    struct texts texts;
    struct tlsmgm_proxy_tls tls;
    bool is_told = client->conn != NULL && values != TLSMGM_PREFACE_VALUES_NONE;
    if (is_told) {
        bool is_all = values == TLSMGM_PREFACE_VALUES_ALL;
        enum tlsmgm_status status = tell_tls(client, is_all, &texts, &tls, error);
        if (status != TLSMGM_STATUS_OK) return status;
    }
    *size = tlsmgm_proxy_header_write(&client->source, &client->destination, is_told ? &tls : NULL,
                                      out, TLSMGM_PROXY_WRITE_MAX);
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_preface_write(enum tlsmgm_preface_kind kind,
                                        enum tlsmgm_preface_values values,
                                        const struct tlsmgm_preface_client *client, uint8_t *out,
                                        size_t *size, struct tlsmgm_error *error) {
    *size = 0;
    switch (kind) {
        case TLSMGM_PREFACE_NONE:
            break;
        case TLSMGM_PREFACE_PROXY_V1:
            *size = tlsmgm_proxy_header_write_text(&client->source, &client->destination, out,
                                                   TLSMGM_PROXY_WRITE_MAX);
            break;
        case TLSMGM_PREFACE_PROXY_V2:
            return write_binary(values, client, out, size, error);
    }
    return TLSMGM_STATUS_OK;
}
