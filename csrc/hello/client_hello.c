#include "hello/client_hello.h"

#include <string.h>

#include "base/alert.h"
#include "base/count.h"
#include "base/cursor.h"
#include "base/error.h"

enum content_type { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22 };

enum extension_type {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_SESSION_TICKET = 35,
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

#define HANDSHAKE_CLIENT_HELLO 1u
#define HANDSHAKE_HEADER_SIZE  4u
#define NAME_TYPE_HOST         0u
#define HOST_NAME_MAX_SIZE     255u
#define RECORD_MAX_SIZE        16384u
#define EXTENSION_TYPES        65536u

void tlsmgm_hello_reader_init(struct tlsmgm_hello_reader *reader, size_t limit) {
    *reader = (struct tlsmgm_hello_reader){0};
    tlsmgm_buffer_init(&reader->message, limit == 0 ? TLSMGM_CLIENT_HELLO_LIMIT : limit);
}

void tlsmgm_hello_reader_free(struct tlsmgm_hello_reader *reader) {
    tlsmgm_buffer_free(&reader->message);
}

#define LIKE_HTTP "http request: the client does not speak TLS but HTTP, or what looks like it"
#define LIKE_PROXY                                                                                 \
    "https proxy request: the client does not speak TLS but asks a proxy for a tunnel"

/* How requests begin that browsers send to a port of TLS, in five bytes at most, and OpenSSL's
 * words for them. */
static const struct {
    const char *beginning;
    const char *text;
} requests[] = {
    {"GET ", LIKE_HTTP},  {"POST ", LIKE_HTTP}, {"HEAD ", LIKE_HTTP},
    {"PUT ", LIKE_HTTP},  {"PATCH", LIKE_HTTP}, {"OPTIO", LIKE_HTTP},
    {"DELET", LIKE_HTTP}, {"TRACE", LIKE_HTTP}, {"CONNE", LIKE_PROXY},
};

/* A client that speaks something else is told apart as early as its bytes allow. */
static enum tlsmgm_status check_content_type(const struct tlsmgm_hello_reader *reader,
                                             struct tlsmgm_error *error) {
    uint8_t type = reader->header[0];
    if (type == CONTENT_HANDSHAKE || type == CONTENT_ALERT) return TLSMGM_STATUS_OK;
    for (size_t i = 0; reader->records == 0 && i < TLSMGM_COUNT(requests); i++) {
        size_t size = strlen(requests[i].beginning);
        size_t common = size < reader->header_size ? size : reader->header_size;
        if (memcmp(reader->header, requests[i].beginning, common) != 0) continue;
        if (common < size) return TLSMGM_STATUS_OK; /* the next byte may tell */
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE, "%s", requests[i].text);
    }
    return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                             "the client does not speak TLS (first byte 0x%02x)", type);
}

static enum tlsmgm_status check_record_header(const struct tlsmgm_hello_reader *reader,
                                              struct tlsmgm_error *error) {
    if (reader->header[1] != 3) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_PROTOCOL_VERSION,
                                 "the record says version %d.%d, which is not TLS",
                                 reader->header[1], reader->header[2]);
    }
    if (reader->record_left == 0) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                                 "empty record in the ClientHello");
    }
    if (reader->record_left > RECORD_MAX_SIZE) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_RECORD_OVERFLOW,
                                 "record of %zu bytes, more than TLS allows", reader->record_left);
    }
    return TLSMGM_STATUS_OK;
}

/* Takes header bytes; OK once all five are there and make sense. */
static enum tlsmgm_status read_record_header(struct tlsmgm_hello_reader *reader,
                                             struct tlsmgm_cursor *wire,
                                             struct tlsmgm_error *error) {
    while (reader->header_size < sizeof reader->header) {
        uint32_t byte;
        if (!tlsmgm_cursor_number(wire, 1, &byte)) return TLSMGM_STATUS_WANT_READ;
        reader->header[reader->header_size++] = (uint8_t)byte;
        enum tlsmgm_status status = check_content_type(reader, error);
        if (status != TLSMGM_STATUS_OK) return status;
    }
    reader->record_left = (size_t)reader->header[3] << 8 | reader->header[4];
    memcpy(reader->version, reader->header + 1, sizeof reader->version);
    reader->records++;
    return check_record_header(reader, error);
}

static size_t message_size_wanted(struct tlsmgm_bytes message) {
    if (message.size < HANDSHAKE_HEADER_SIZE) return HANDSHAKE_HEADER_SIZE;
    return HANDSHAKE_HEADER_SIZE +
           ((size_t)message.data[1] << 16 | (size_t)message.data[2] << 8 | (size_t)message.data[3]);
}

static enum tlsmgm_status fail_too_large(struct tlsmgm_error *error, size_t size, size_t limit) {
    enum tlsmgm_status status =
        tlsmgm_fail(error, TLSMGM_STATUS_HELLO_TOO_LARGE,
                    "ClientHello of %zu bytes, more than the limit of %zu", size, limit);
    if (error != NULL) error->alert = TLSMGM_ALERT_ILLEGAL_PARAMETER;
    return status;
}

static enum tlsmgm_status check_message(const struct tlsmgm_hello_reader *reader,
                                        struct tlsmgm_error *error) {
    struct tlsmgm_bytes message = tlsmgm_buffer_view(&reader->message);
    if (message.size == 0) return TLSMGM_STATUS_WANT_READ;
    if (message.data[0] != HANDSHAKE_CLIENT_HELLO) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                                 "handshake message %d where a ClientHello was due",
                                 message.data[0]);
    }
    size_t wanted = message_size_wanted(message);
    if (wanted > reader->message.limit) {
        return fail_too_large(error, wanted, reader->message.limit);
    }
    if (message.size < HANDSHAKE_HEADER_SIZE || message.size < wanted)
        return TLSMGM_STATUS_WANT_READ;
    return TLSMGM_STATUS_OK;
}

/* Moves what this record still has of the message, and no byte beyond the message. */
static enum tlsmgm_status read_record_body(struct tlsmgm_hello_reader *reader,
                                           struct tlsmgm_cursor *wire, struct tlsmgm_error *error) {
    size_t wanted = message_size_wanted(tlsmgm_buffer_view(&reader->message)) -
                    tlsmgm_buffer_size(&reader->message);
    size_t size = wire->left < reader->record_left ? wire->left : reader->record_left;
    if (size > wanted) size = wanted;
    struct tlsmgm_bytes piece;
    if (size == 0 || !tlsmgm_cursor_bytes(wire, size, &piece)) return TLSMGM_STATUS_WANT_READ;
    if (tlsmgm_buffer_append(&reader->message, piece.data, piece.size) != TLSMGM_STATUS_OK) {
        return tlsmgm_fail_memory(error);
    }
    reader->record_left -= size;
    if (reader->record_left == 0) reader->header_size = 0;
    return check_message(reader, error);
}

/* A client that starts with an alert has given up; say which one. */
static enum tlsmgm_status read_alert(struct tlsmgm_hello_reader *reader, struct tlsmgm_cursor *wire,
                                     struct tlsmgm_error *error) {
    uint32_t number = 0;
    bool has_two_bytes = reader->header[3] == 0 && reader->header[4] == 2;
    if (tlsmgm_buffer_size(&reader->message) > 0 || !has_two_bytes) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                                 "an alert in the middle of the ClientHello");
    }
    while (reader->record_left > 0) { /* the level, then the number */
        if (!tlsmgm_cursor_number(wire, 1, &number)) return TLSMGM_STATUS_WANT_READ;
        reader->record_left--;
    }
    enum tlsmgm_status status = tlsmgm_fail(error, TLSMGM_STATUS_ALERT,
                                            "the client sent alert %u (%s) before its ClientHello",
                                            (unsigned)number, tlsmgm_alert_name((int)number));
    if (error != NULL) error->alert = (int)number;
    return status;
}

static enum tlsmgm_status follow(struct tlsmgm_hello_reader *reader, struct tlsmgm_cursor *wire,
                                 struct tlsmgm_error *error) {
    enum tlsmgm_status status = check_message(reader, error);
    while (status == TLSMGM_STATUS_WANT_READ && wire->left > 0) {
        if (reader->header_size < sizeof reader->header) {
            status = read_record_header(reader, wire, error);
            if (status != TLSMGM_STATUS_OK) return status;
        }
        status = reader->header[0] == CONTENT_ALERT ? read_alert(reader, wire, error)
                                                    : read_record_body(reader, wire, error);
        if (status == TLSMGM_STATUS_WANT_READ && reader->header[0] == CONTENT_ALERT) return status;
    }
    return status;
}

enum tlsmgm_status tlsmgm_hello_reader_feed(struct tlsmgm_hello_reader *reader, const uint8_t *data,
                                            size_t size, struct tlsmgm_error *error) {
    struct tlsmgm_cursor wire = {.next = data, .left = size};
    enum tlsmgm_status status = follow(reader, &wire, error);
    reader->consumed += size - wire.left;
    return status;
}

static enum tlsmgm_status append_record_header(const struct tlsmgm_hello_reader *reader,
                                               size_t size, struct tlsmgm_buffer *out) {
    const uint8_t header[5] = {CONTENT_HANDSHAKE, reader->version[0], reader->version[1],
                               (uint8_t)(size >> 8), (uint8_t)size};
    return tlsmgm_buffer_append(out, header, sizeof header);
}

enum tlsmgm_status tlsmgm_hello_reader_replay(const struct tlsmgm_hello_reader *reader,
                                              struct tlsmgm_buffer *out) {
    struct tlsmgm_cursor message = tlsmgm_cursor(tlsmgm_buffer_view(&reader->message));
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    while (status == TLSMGM_STATUS_OK && message.left > 0) {
        size_t size = message.left < RECORD_MAX_SIZE ? message.left : RECORD_MAX_SIZE;
        struct tlsmgm_bytes piece = {0};
        (void)tlsmgm_cursor_bytes(&message, size, &piece);
        status = append_record_header(reader, size, out);
        if (status == TLSMGM_STATUS_OK) status = tlsmgm_buffer_append(out, piece.data, piece.size);
    }
    /* The last record may hold more than the message: it becomes a record of its own. */
    if (status == TLSMGM_STATUS_OK && reader->record_left > 0) {
        status = append_record_header(reader, reader->record_left, out);
    }
    return status;
}

static enum tlsmgm_status malformed(struct tlsmgm_error *error, const char *what) {
    return tlsmgm_fail_alert(error, TLSMGM_ALERT_DECODE_ERROR, "malformed ClientHello: %s", what);
}

/* RFC 6066: one host_name at most; other types were never defined. */
static enum tlsmgm_status parse_server_name(struct tlsmgm_cursor body,
                                            struct tlsmgm_client_hello *hello,
                                            struct tlsmgm_error *error) {
    struct tlsmgm_bytes list;
    struct tlsmgm_bytes name;
    uint32_t type;
    if (!tlsmgm_cursor_vector(&body, 2, &list) || body.left != 0) {
        return malformed(error, "server_name");
    }
    struct tlsmgm_cursor names = tlsmgm_cursor(list);
    if (!tlsmgm_cursor_number(&names, 1, &type) || !tlsmgm_cursor_vector(&names, 2, &name) ||
        names.left != 0 || type != NAME_TYPE_HOST || name.size == 0) {
        return malformed(error, "server_name");
    }
    if (name.size > HOST_NAME_MAX_SIZE || memchr(name.data, 0, name.size) != NULL) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNRECOGNIZED_NAME,
                                 "the server name cannot be a host name");
    }
    hello->has_server_name = true;
    hello->server_name = name;
    return TLSMGM_STATUS_OK;
}

/* A list of two-byte numbers that follows its length, and nothing after it. */
static enum tlsmgm_status parse_numbers(struct tlsmgm_cursor body, size_t width,
                                        struct tlsmgm_bytes *out, const char *what,
                                        struct tlsmgm_error *error) {
    struct tlsmgm_bytes list;
    if (!tlsmgm_cursor_vector(&body, width, &list) || body.left != 0 || list.size == 0 ||
        list.size % 2 != 0) {
        return malformed(error, what);
    }
    *out = list;
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status parse_alpn(struct tlsmgm_cursor body, struct tlsmgm_client_hello *hello,
                                     struct tlsmgm_error *error) {
    struct tlsmgm_bytes list;
    if (!tlsmgm_cursor_vector(&body, 2, &list) || body.left != 0 || list.size == 0) {
        return malformed(error, "ALPN");
    }
    struct tlsmgm_cursor names = tlsmgm_cursor(list);
    while (names.left > 0) {
        struct tlsmgm_bytes name;
        if (!tlsmgm_cursor_vector(&names, 1, &name) || name.size == 0) {
            return malformed(error, "ALPN");
        }
    }
    hello->alpn = list;
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status parse_extension(uint32_t type, struct tlsmgm_bytes bytes,
                                          struct tlsmgm_client_hello *hello,
                                          struct tlsmgm_error *error) {
    struct tlsmgm_cursor body = tlsmgm_cursor(bytes);
    switch (type) {
        case EXTENSION_SERVER_NAME:
            return parse_server_name(body, hello, error);
        case EXTENSION_SUPPORTED_GROUPS:
            return parse_numbers(body, 2, &hello->groups, "supported_groups", error);
        case EXTENSION_SIGNATURE_ALGORITHMS:
            return parse_numbers(body, 2, &hello->signature_algorithms, "signature_algorithms",
                                 error);
        case EXTENSION_ALPN:
            return parse_alpn(body, hello, error);
        case EXTENSION_SUPPORTED_VERSIONS:
            return parse_numbers(body, 1, &hello->supported_versions, "supported_versions", error);
        case EXTENSION_SESSION_TICKET:
            if (bytes.size > 0) hello->offers_session = true;
            return TLSMGM_STATUS_OK;
        case EXTENSION_PRE_SHARED_KEY:
            hello->offers_session = true;
            return TLSMGM_STATUS_OK;
        default: /* numbers of the wire, not ours: whatever else a client offers is its matter */
            return TLSMGM_STATUS_OK;
    }
}

/*
 * The extensions met so far, one bit each. Clearing 8 KiB of them would take longer than all the
 * rest of the parsing, so a word of bits means something only once it is marked as begun.
 */
struct seen_extensions {
    uint64_t begun[EXTENSION_TYPES / 64 / 64];
    uint64_t bits[EXTENSION_TYPES / 64];
};

/* RFC 8446 section 4.2: no extension twice. A second server_name could hide from one reader. */
static bool seen_before(struct seen_extensions *seen, uint32_t type) {
    uint32_t word = type / 64;
    uint64_t bit = (uint64_t)1 << type % 64;
    uint64_t begun = (uint64_t)1 << word % 64;
    if ((seen->begun[word / 64] & begun) == 0) {
        seen->begun[word / 64] |= begun;
        seen->bits[word] = 0;
    }
    bool before = (seen->bits[word] & bit) != 0;
    seen->bits[word] |= bit;
    return before;
}

static enum tlsmgm_status parse_extensions(struct tlsmgm_cursor *body,
                                           struct tlsmgm_client_hello *hello,
                                           struct tlsmgm_error *error) {
    struct seen_extensions seen;
    struct tlsmgm_bytes block;
    memset(seen.begun, 0, sizeof seen.begun);
    if (body->left == 0) return TLSMGM_STATUS_OK; /* TLS 1.2 and older may send none at all */
    if (!tlsmgm_cursor_vector(body, 2, &block) || body->left != 0) {
        return malformed(error, "extensions");
    }
    struct tlsmgm_cursor extensions = tlsmgm_cursor(block);
    while (extensions.left > 0) {
        uint32_t type;
        struct tlsmgm_bytes bytes;
        if (!tlsmgm_cursor_number(&extensions, 2, &type) ||
            !tlsmgm_cursor_vector(&extensions, 2, &bytes)) {
            return malformed(error, "extensions");
        }
        if (seen_before(&seen, type)) {
            return tlsmgm_fail_alert(error, TLSMGM_ALERT_ILLEGAL_PARAMETER,
                                     "extension %u stands twice in the ClientHello",
                                     (unsigned)type);
        }
        enum tlsmgm_status status = parse_extension(type, bytes, hello, error);
        if (status != TLSMGM_STATUS_OK) return status;
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_client_hello_parse(struct tlsmgm_bytes message,
                                             struct tlsmgm_client_hello *hello,
                                             struct tlsmgm_error *error) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(message);
    struct tlsmgm_bytes bytes;
    uint32_t number;
    *hello = (struct tlsmgm_client_hello){0};
    if (!tlsmgm_cursor_number(&cursor, 1, &number) || number != HANDSHAKE_CLIENT_HELLO ||
        !tlsmgm_cursor_vector(&cursor, 3, &bytes) || cursor.left != 0) {
        return malformed(error, "message header");
    }
    struct tlsmgm_cursor body = tlsmgm_cursor(bytes);
    if (!tlsmgm_cursor_number(&body, 2, &number)) return malformed(error, "version");
    hello->legacy_version = (uint16_t)number;
    if (!tlsmgm_cursor_bytes(&body, 32, &bytes)) return malformed(error, "random");
    if (!tlsmgm_cursor_vector(&body, 1, &hello->session_id) || hello->session_id.size > 32) {
        return malformed(error, "session ID");
    }
    if (!tlsmgm_cursor_vector(&body, 2, &hello->cipher_suites) || hello->cipher_suites.size < 2 ||
        hello->cipher_suites.size % 2 != 0) {
        return malformed(error, "cipher suites");
    }
    if (!tlsmgm_cursor_vector(&body, 1, &bytes) || bytes.size == 0) {
        return malformed(error, "compression methods");
    }
    return parse_extensions(&body, hello, error);
}

static bool is_between(uint32_t version, uint16_t lowest, uint16_t highest) {
    return version >= lowest && (highest == 0 || version <= highest);
}

bool tlsmgm_client_hello_offers(const struct tlsmgm_client_hello *hello, uint16_t lowest,
                                uint16_t highest) {
    struct tlsmgm_cursor versions = tlsmgm_cursor(hello->supported_versions);
    uint32_t version;
    /* Without the extension a client means every version up to the one it names, and 1.2 where it
     * names a later one (RFC 8446 section 4.2.1). */
    if (versions.left == 0) {
        return (hello->legacy_version < TLSMGM_TLS1_2 ? hello->legacy_version : TLSMGM_TLS1_2) >=
               lowest;
    }
    while (tlsmgm_cursor_number(&versions, 2, &version)) {
        bool is_grease = (version & 0x0f0f) == 0x0a0a; /* RFC 8701 */
        if (!is_grease && is_between(version, lowest, highest)) return true;
    }
    return false;
}
