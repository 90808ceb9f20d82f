/* ClientHello: whatever arrives, in whatever pieces, the reader and the parser stay in bounds. */
#include <stdlib.h>
#include <string.h>

#include "hello/client_hello.h"

/* A plain hello is its own replay. */
static void check_plain(const struct tlsmgm_hello_reader *reader, const uint8_t *wire,
                        struct tlsmgm_bytes replay) {
    if (!tlsmgm_hello_reader_is_plain(reader)) return;
    if (replay.size != reader->consumed || memcmp(replay.data, wire, replay.size) != 0) abort();
}

/* The first byte says how large the pieces are in which the rest is fed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_hello_reader reader;
    struct tlsmgm_client_hello hello;
    struct tlsmgm_error error;
    if (size == 0) return 0;
    size_t piece = data[0] == 0 ? size : data[0];
    enum tlsmgm_status status = TLSMGM_STATUS_WANT_READ;
    tlsmgm_hello_reader_init(&reader, 0);
    for (size_t at = 1; at < size && status == TLSMGM_STATUS_WANT_READ; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        status = tlsmgm_hello_reader_feed(&reader, data + at, count, &error);
    }
    if (reader.consumed > size - 1) abort();
    if (status == TLSMGM_STATUS_OK) {
        struct tlsmgm_buffer replay;
        struct tlsmgm_bytes message = tlsmgm_buffer_view(&reader.message);
        tlsmgm_buffer_init(&replay, 1u << 20);
        if (tlsmgm_hello_reader_replay(&reader, &replay) != TLSMGM_STATUS_OK) abort();
        if (tlsmgm_buffer_size(&replay) < message.size + 5) abort();
        check_plain(&reader, data + 1, tlsmgm_buffer_view(&replay));
        status = tlsmgm_client_hello_parse(message, &hello, &error);
        if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_PROTOCOL) abort();
        if (status == TLSMGM_STATUS_OK && hello.has_server_name && hello.server_name.size == 0)
            abort();
        tlsmgm_buffer_free(&replay);
    }
    tlsmgm_hello_reader_free(&reader);
    return 0;
}
