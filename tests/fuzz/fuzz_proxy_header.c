/*
 * PROXY protocol headers: whatever comes, in whatever pieces, has one verdict, which stays; what
 * was read is written, and that is read again in the same way.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/proxy_header.h"

static bool same_end(const struct tlsmgm_proxy_end *one, const struct tlsmgm_proxy_end *other) {
    return one->kind == other->kind && one->port == other->port &&
           memcmp(one->address, other->address, sizeof one->address) == 0;
}

static bool same(const struct tlsmgm_proxy_header *one, const struct tlsmgm_proxy_header *other) {
    return one->size == other->size && one->is_local == other->is_local &&
           same_end(&one->source, &other->source) &&
           same_end(&one->destination, &other->destination);
}

static void check_header(const struct tlsmgm_proxy_header *header, size_t size) {
    enum tlsmgm_proxy_end_kind kind = header->source.kind;
    if (header->size == 0 || header->size > size || header->size > TLSMGM_PROXY_HEADER_MAX) abort();
    if (kind != header->destination.kind) abort();
    if (kind != TLSMGM_PROXY_END_IP && kind != TLSMGM_PROXY_END_NONE) abort();
    if (header->is_local && kind != TLSMGM_PROXY_END_NONE) abort();
}

/* What was written says what it was made of, takes just its room, and no byte of it is missed. */
static void check_written(const uint8_t *written, size_t size,
                          const struct tlsmgm_proxy_header *from) {
    struct tlsmgm_proxy_header again;
    struct tlsmgm_bytes bytes = {written, size};
    if (size == 0) abort();
    if (tlsmgm_proxy_header_read(bytes, &again, NULL) != TLSMGM_STATUS_OK) abort();
    if (again.size != size || again.is_local) abort();
    if (!same_end(&again.source, &from->source)) abort();
    if (!same_end(&again.destination, &from->destination)) abort();
    bytes.size--;
    if (tlsmgm_proxy_header_read(bytes, &again, NULL) != TLSMGM_STATUS_WANT_READ) abort();
}

/* Texts of the TLS connection out of the input, from wherever they happen to be. */
static struct tlsmgm_bytes slice(const uint8_t *data, size_t size, size_t at, size_t count) {
    if (at >= size) return (struct tlsmgm_bytes){0};
    return (struct tlsmgm_bytes){data + at, size - at < count ? size - at : count};
}

static void write_again(const struct tlsmgm_proxy_header *header, const uint8_t *data,
                        size_t size) {
    uint8_t out[TLSMGM_PROXY_WRITE_MAX];
    const struct tlsmgm_proxy_end *source = &header->source;
    const struct tlsmgm_proxy_end *destination = &header->destination;
    struct tlsmgm_proxy_tls tls = {
        .version = slice(data, size, 1, 7),
        .cipher = slice(data, size, 8, 24),
        .server_name = slice(data, size, 0, size),
        .alpn = slice(data, size, size / 2, TLSMGM_PROXY_VALUE_MAX),
        .common_name = slice(data, size, size / 3, TLSMGM_PROXY_VALUE_MAX + 1),
        .has_certificate = (data[0] & 1) != 0,
        .is_verified = (data[0] & 2) != 0,
        .is_resumed = (data[0] & 4) != 0,
    };
    size_t length = tlsmgm_proxy_header_write(source, destination, &tls, out, sizeof out);
    check_written(out, length, header);
    if (tlsmgm_proxy_header_write(source, destination, &tls, out, length - 1) != 0) abort();
    length = tlsmgm_proxy_header_write_text(source, destination, out, TLSMGM_PROXY_LINE_MAX);
    check_written(out, length, header);
    if (tlsmgm_proxy_header_write_text(source, destination, out, length - 1) != 0) abort();
}

/* The first byte says how large the pieces are in which the rest comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_proxy_header whole = {0};
    struct tlsmgm_error error;
    if (size == 0) return 0;
    size_t piece = data[0] == 0 ? size : data[0];
    struct tlsmgm_bytes bytes = {data + 1, size - 1};
    enum tlsmgm_status last = tlsmgm_proxy_header_read(bytes, &whole, &error);
    if (last == TLSMGM_STATUS_OK) {
        check_header(&whole, bytes.size);
        write_again(&whole, data, size);
    } else if (last == TLSMGM_STATUS_PROTOCOL) {
        if (strlen(error.text) == 0 || error.alert != TLSMGM_NO_ALERT) abort();
    } else if (last != TLSMGM_STATUS_WANT_READ || bytes.size >= TLSMGM_PROXY_HEADER_MAX) {
        abort();
    }
    enum tlsmgm_status before = TLSMGM_STATUS_WANT_READ;
    for (size_t at = 0; at < bytes.size; at += piece) {
        struct tlsmgm_proxy_header part = {0};
        struct tlsmgm_bytes first = {bytes.data, at};
        enum tlsmgm_status status = tlsmgm_proxy_header_read(first, &part, NULL);
        if (before != TLSMGM_STATUS_WANT_READ && status != before) abort();
        if (status != TLSMGM_STATUS_WANT_READ && status != last) abort();
        if (status == TLSMGM_STATUS_OK && !same(&part, &whole)) abort();
        if (last == TLSMGM_STATUS_OK && at >= whole.size && status != last) abort();
        before = status;
    }
    return 0;
}
