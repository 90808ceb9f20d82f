#include "engine/proxy_header.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/ip_address.h"

#define LINE_START_SIZE 6u
#define SIGNATURE_SIZE  12u
#define FIXED_SIZE      16u /* of version 2: signature, command, family, length */
#define AT_COMMAND      12u
#define AT_FAMILY       13u
#define AT_LENGTH       14u
#define LINE_FIELDS     5u
#define CHECKSUM_SIZE   4u

/* Sizes of the addresses and ports in version 2. */
#define INET_SIZE  (2u * 4u + 2u * 2u)
#define INET6_SIZE (2u * 16u + 2u * 2u)
#define UNIX_SIZE  (2u * TLSMGM_PROXY_PATH_MAX)

enum command { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

/* The upper half of the byte behind the command, and its lower half. */
enum family { FAMILY_UNSPEC = 0, FAMILY_INET = 1, FAMILY_INET6 = 2, FAMILY_UNIX = 3 };
enum transport { TRANSPORT_UNSPEC = 0, TRANSPORT_STREAM = 1, TRANSPORT_DGRAM = 2 };

enum value_type {
    VALUE_ALPN = 0x01,
    VALUE_AUTHORITY = 0x02,
    VALUE_CRC32C = 0x03,
    VALUE_SSL = 0x20,
    VALUE_SSL_VERSION = 0x21,
    VALUE_SSL_CN = 0x22,
    VALUE_SSL_CIPHER = 0x23,
    VALUE_SSL_SIG_ALG = 0x24,
    VALUE_SSL_KEY_ALG = 0x25,
    VALUE_SSL_GROUP = 0x26,
};

enum client_flag { CLIENT_SSL = 0x01, CLIENT_CERT_CONN = 0x02, CLIENT_CERT_SESS = 0x04 };

static const uint8_t line_start[LINE_START_SIZE] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t signature[SIGNATURE_SIZE] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                                  '\n', 'Q',  'U',  'I',  'T', '\n'};
static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static enum tlsmgm_status malformed(struct tlsmgm_error *error, const char *what) {
    return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL, "malformed PROXY protocol header: %s", what);
}

/* As many bytes as there are must be those that every header begins with. */
static enum tlsmgm_status check_start(struct tlsmgm_bytes bytes, const uint8_t *start, size_t size,
                                      struct tlsmgm_error *error) {
    for (size_t i = 0; i < size && i < bytes.size; i++) {
        if (bytes.data[i] == start[i]) continue;
        return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL,
                           "no PROXY protocol header (byte %zu is 0x%02x)", i + 1, bytes.data[i]);
    }
    return bytes.size < size ? TLSMGM_STATUS_WANT_READ : TLSMGM_STATUS_OK;
}

static void set_ipv4(struct tlsmgm_proxy_end *end, const uint8_t address[4]) {
    end->kind = TLSMGM_PROXY_END_IP;
    memcpy(end->address, mapped, sizeof mapped);
    memcpy(end->address + sizeof mapped, address, 4);
}

static void set_ipv6(struct tlsmgm_proxy_end *end, const uint8_t address[16]) {
    end->kind = TLSMGM_PROXY_END_IP;
    memcpy(end->address, address, 16);
}

/* Version 1, read. */

/* OK: *size is that of the whole line. A single CR or LF ends no line, and stands in none. */
static enum tlsmgm_status find_line_end(struct tlsmgm_bytes bytes, size_t *size,
                                        struct tlsmgm_error *error) {
    for (size_t i = 0; i < bytes.size && i < TLSMGM_PROXY_LINE_MAX; i++) {
        if (bytes.data[i] == '\n') return malformed(error, "a line feed without carriage return");
        if (bytes.data[i] != '\r') continue;
        if (i + 1 == TLSMGM_PROXY_LINE_MAX) break;
        if (i + 1 == bytes.size) return TLSMGM_STATUS_WANT_READ;
        if (bytes.data[i + 1] != '\n') {
            return malformed(error, "a carriage return without line feed");
        }
        *size = i + 2;
        return TLSMGM_STATUS_OK;
    }
    if (bytes.size < TLSMGM_PROXY_LINE_MAX) return TLSMGM_STATUS_WANT_READ;
    return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL,
                       "malformed PROXY protocol header: its line has more than %u bytes",
                       TLSMGM_PROXY_LINE_MAX);
}

/* Exactly one blank between two fields; false: there are more or fewer fields. */
static bool split(struct tlsmgm_bytes line, struct tlsmgm_bytes fields[LINE_FIELDS]) {
    for (size_t i = 0; i < LINE_FIELDS; i++) {
        const uint8_t *blank = line.size == 0 ? NULL : memchr(line.data, ' ', line.size);
        bool is_last = i + 1 == LINE_FIELDS;
        if (is_last != (blank == NULL)) return false;
        size_t size = is_last ? line.size : (size_t)(blank - line.data);
        fields[i] = (struct tlsmgm_bytes){line.data, size};
        if (is_last) break;
        line = (struct tlsmgm_bytes){blank + 1, line.size - size - 1};
    }
    return true;
}

static bool read_port(struct tlsmgm_bytes text, uint16_t *out) {
    uint32_t port = 0;
    if (text.size == 0 || text.size > 5 || (text.size > 1 && text.data[0] == '0')) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        port = 10 * port + (uint32_t)(text.data[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

/* wanted: 4 or 16, as the line says which family its addresses are of. */
static bool read_address(struct tlsmgm_bytes text, size_t wanted, struct tlsmgm_proxy_end *out) {
    uint8_t address[16];
    if (tlsmgm_ip_address_read(text, address) != wanted) return false;
    if (wanted == 4) {
        set_ipv4(out, address);
    } else {
        set_ipv6(out, address);
    }
    return true;
}

static bool is_word(struct tlsmgm_bytes text, const char *word) {
    return tlsmgm_bytes_equal(text, (struct tlsmgm_bytes){(const uint8_t *)word, strlen(word)});
}

/* What stands behind UNKNOWN is ignored, as the text wants it. */
static bool is_unknown(struct tlsmgm_bytes line) {
    const size_t size = sizeof "UNKNOWN" - 1;
    if (line.size < size || (line.size > size && line.data[size] != ' ')) return false;
    return is_word((struct tlsmgm_bytes){line.data, size}, "UNKNOWN");
}

static enum tlsmgm_status read_fields(struct tlsmgm_bytes line, struct tlsmgm_proxy_header *out,
                                      struct tlsmgm_error *error) {
    struct tlsmgm_bytes fields[LINE_FIELDS];
    if (is_unknown(line)) return TLSMGM_STATUS_OK;
    if (!split(line, fields)) return malformed(error, "its line has not the fields that are due");
    bool is_ipv4 = is_word(fields[0], "TCP4");
    if (!is_ipv4 && !is_word(fields[0], "TCP6")) {
        return malformed(error, "neither TCP4 nor TCP6 nor UNKNOWN");
    }
    size_t wanted = is_ipv4 ? 4 : 16;
    if (!read_address(fields[1], wanted, &out->source)) return malformed(error, "source address");
    if (!read_address(fields[2], wanted, &out->destination)) {
        return malformed(error, "destination address");
    }
    if (!read_port(fields[3], &out->source.port)) return malformed(error, "source port");
    if (!read_port(fields[4], &out->destination.port)) return malformed(error, "destination port");
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status read_line(struct tlsmgm_bytes bytes, struct tlsmgm_proxy_header *out,
                                    struct tlsmgm_error *error) {
    enum tlsmgm_status status = check_start(bytes, line_start, sizeof line_start, error);
    if (status == TLSMGM_STATUS_OK) status = find_line_end(bytes, &out->size, error);
    if (status != TLSMGM_STATUS_OK) return status;
    struct tlsmgm_bytes line = {bytes.data + LINE_START_SIZE, out->size - LINE_START_SIZE - 2};
    return read_fields(line, out, error);
}

/* Version 2, read. */

/*
 * CRC32c (RFC 4960 appendix B) with the four bytes at hole counted as zeros. Bit by bit: only
 * senders that are trusted come here, and few of them send a checksum.
 */
static uint32_t checksum(struct tlsmgm_bytes bytes, size_t hole) {
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < bytes.size; i++) {
        sum ^= i - hole < CHECKSUM_SIZE ? 0 : bytes.data[i];
        for (unsigned bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78u : 0);
    }
    return ~sum;
}

static enum tlsmgm_status check_sum(struct tlsmgm_bytes header, struct tlsmgm_bytes value,
                                    struct tlsmgm_error *error) {
    uint32_t said = 0;
    struct tlsmgm_cursor body = tlsmgm_cursor(value);
    if (value.size != CHECKSUM_SIZE || !tlsmgm_cursor_number(&body, CHECKSUM_SIZE, &said)) {
        return malformed(error, "a checksum of another size");
    }
    if (checksum(header, (size_t)(value.data - header.data)) == said) return TLSMGM_STATUS_OK;
    return malformed(error, "its checksum is wrong");
}

/* What the values say is nobody's matter here, but they end where the header does. */
static enum tlsmgm_status check_values(struct tlsmgm_bytes header, size_t start,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_bytes sum = {0};
    struct tlsmgm_cursor values = {header.data + start, header.size - start};
    while (values.left > 0) {
        uint32_t type;
        struct tlsmgm_bytes value;
        if (!tlsmgm_cursor_number(&values, 1, &type) || !tlsmgm_cursor_vector(&values, 2, &value)) {
            return malformed(error, "a value runs over its end");
        }
        if (type != VALUE_CRC32C) continue;
        if (sum.data != NULL) return malformed(error, "two checksums");
        sum = value;
    }
    return sum.data == NULL ? TLSMGM_STATUS_OK : check_sum(header, sum, error);
}

static enum tlsmgm_status check_command(uint8_t command, struct tlsmgm_error *error) {
    if (command == COMMAND_LOCAL || command == COMMAND_PROXY) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL,
                       "malformed PROXY protocol header: version %d, command %d", command >> 4,
                       command & 0x0f);
}

static enum family family_of(uint8_t byte) {
    return (byte & 0x0f) == TRANSPORT_UNSPEC ? FAMILY_UNSPEC : (enum family)(byte >> 4);
}

static enum tlsmgm_status check_family(uint8_t byte, struct tlsmgm_error *error) {
    if (byte >> 4 <= FAMILY_UNIX && (byte & 0x0f) <= TRANSPORT_DGRAM) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL,
                       "malformed PROXY protocol header: address family %d, transport %d",
                       byte >> 4, byte & 0x0f);
}

static size_t addresses_size(enum family family) {
    switch (family) {
        case FAMILY_UNSPEC:
            return 0;
        case FAMILY_INET:
            return INET_SIZE;
        case FAMILY_INET6:
            return INET6_SIZE;
        case FAMILY_UNIX:
            return UNIX_SIZE;
    }
    return 0;
}

/* The bytes before the addresses, as far as they are there; the first that is wrong is told. */
static enum tlsmgm_status check_fixed(struct tlsmgm_bytes bytes, struct tlsmgm_error *error) {
    enum tlsmgm_status status = check_start(bytes, signature, sizeof signature, error);
    if (status != TLSMGM_STATUS_OK || bytes.size <= AT_COMMAND) return status;
    status = check_command(bytes.data[AT_COMMAND], error);
    if (status != TLSMGM_STATUS_OK || bytes.size <= AT_FAMILY) return status;
    /* Of LOCAL everything behind the command is ignored, the family, too. */
    if (bytes.data[AT_COMMAND] == COMMAND_LOCAL) return TLSMGM_STATUS_OK;
    return check_family(bytes.data[AT_FAMILY], error);
}

static uint16_t number16(const uint8_t *data) { return (uint16_t)(data[0] << 8 | data[1]); }

static void read_inet(const uint8_t *data, struct tlsmgm_proxy_header *out) {
    set_ipv4(&out->source, data);
    set_ipv4(&out->destination, data + 4);
    out->source.port = number16(data + 8);
    out->destination.port = number16(data + 10);
}

static void read_inet6(const uint8_t *data, struct tlsmgm_proxy_header *out) {
    set_ipv6(&out->source, data);
    set_ipv6(&out->destination, data + 16);
    out->source.port = number16(data + 32);
    out->destination.port = number16(data + 34);
}

/*
 * UNSPEC may have addresses of any size in front of its values, so that nobody knows where these
 * begin. The transport makes no difference: a datagram's client is at its address, too.
 */
static enum tlsmgm_status read_body(struct tlsmgm_bytes header, struct tlsmgm_proxy_header *out,
                                    struct tlsmgm_error *error) {
    const uint8_t *body = header.data + FIXED_SIZE;
    enum family family = family_of(header.data[AT_FAMILY]);
    switch (family) {
        case FAMILY_UNSPEC:
            return TLSMGM_STATUS_OK;
        case FAMILY_INET:
            read_inet(body, out);
            break;
        case FAMILY_INET6:
            read_inet6(body, out);
            break;
        case FAMILY_UNIX:
            break;
    }
    return check_values(header, FIXED_SIZE + addresses_size(family), error);
}

static enum tlsmgm_status read_binary(struct tlsmgm_bytes bytes, struct tlsmgm_proxy_header *out,
                                      struct tlsmgm_error *error) {
    enum tlsmgm_status status = check_fixed(bytes, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (bytes.size < FIXED_SIZE) return TLSMGM_STATUS_WANT_READ;
    size_t length = number16(bytes.data + AT_LENGTH);
    out->is_local = bytes.data[AT_COMMAND] == COMMAND_LOCAL;
    out->size = FIXED_SIZE + length;
    if (out->size > TLSMGM_PROXY_HEADER_MAX) {
        return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL,
                           "PROXY protocol header of %zu bytes, more than the limit of %u",
                           out->size, TLSMGM_PROXY_HEADER_MAX);
    }
    if (!out->is_local && length < addresses_size(family_of(bytes.data[AT_FAMILY]))) {
        return malformed(error, "it is too short for its addresses");
    }
    if (bytes.size < out->size) return TLSMGM_STATUS_WANT_READ;
    if (out->is_local) return TLSMGM_STATUS_OK;
    return read_body((struct tlsmgm_bytes){bytes.data, out->size}, out, error);
}

enum tlsmgm_status tlsmgm_proxy_header_read(struct tlsmgm_bytes bytes,
                                            struct tlsmgm_proxy_header *out,
                                            struct tlsmgm_error *error) {
    struct tlsmgm_proxy_header header = {0};
    if (bytes.size == 0) return TLSMGM_STATUS_WANT_READ;
    enum tlsmgm_status status = bytes.data[0] == line_start[0] ? read_line(bytes, &header, error)
                                                               : read_binary(bytes, &header, error);
    if (status == TLSMGM_STATUS_OK) *out = header;
    return status;
}

/* Both versions, written. */

struct sink {
    uint8_t *out;
    size_t size;
    size_t length; /* of all that was put, whether there was room or not */
};

static void put(struct sink *sink, const uint8_t *data, size_t size) {
    if (size == 0) return;
    if (sink->length <= sink->size && size <= sink->size - sink->length) {
        memcpy(sink->out + sink->length, data, size);
    }
    sink->length += size;
}

static void put_byte(struct sink *sink, uint8_t byte) { put(sink, &byte, 1); }

static void put_number16(struct sink *sink, size_t number) {
    const uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    put(sink, bytes, sizeof bytes);
}

/* A length that is known once what it counts has been put behind it. */
static void set_length(struct sink *sink, size_t at) {
    struct sink place = {sink->out, sink->size, at};
    put_number16(&place, sink->length - at - 2);
}

static size_t written(const struct sink *sink) {
    return sink->length <= sink->size ? sink->length : 0;
}

static bool is_ipv4(const struct tlsmgm_proxy_end *end) {
    return memcmp(end->address, mapped, sizeof mapped) == 0;
}

static bool are_ip(const struct tlsmgm_proxy_end *source,
                   const struct tlsmgm_proxy_end *destination) {
    return source->kind == TLSMGM_PROXY_END_IP && destination->kind == TLSMGM_PROXY_END_IP;
}

/* Version 1, written. */

static void put_text(struct sink *sink, const char *text) {
    put(sink, (const uint8_t *)text, strlen(text));
}

static void put_decimal(struct sink *sink, uint32_t number) {
    uint8_t digits[10];
    size_t first = sizeof digits;
    do {
        digits[--first] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(sink, digits + first, sizeof digits - first);
}

static void put_ipv4(struct sink *sink, const uint8_t address[4]) {
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) put_byte(sink, '.');
        put_decimal(sink, address[i]);
    }
}

static void put_group(struct sink *sink, uint16_t group) {
    unsigned shift = 12;
    while (shift > 0 && group >> shift == 0) shift -= 4;
    for (;; shift -= 4) {
        put_byte(sink, tlsmgm_hex_lower((uint32_t)group >> shift));
        if (shift == 0) return;
    }
}

struct zeros {
    size_t start;
    size_t count; /* of groups */
};

/* The first of the longest runs of two zero groups or more (RFC 5952 section 4.2). */
static struct zeros longest_zeros(const uint8_t address[16]) {
    struct zeros best = {0, 1};
    struct zeros run = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        if (number16(address + 2 * i) != 0) {
            run = (struct zeros){i + 1, 0};
        } else if (++run.count > best.count) {
            best = run;
        }
    }
    return best.count > 1 ? best : (struct zeros){8, 0};
}

/* In hexadecimal to its end, as the text has it; inet_ntop() writes some as IPv4. */
static void put_ipv6(struct sink *sink, const uint8_t address[16]) {
    struct zeros zeros = longest_zeros(address);
    for (size_t i = 0; i < 8; i++) {
        if (i == zeros.start) {
            put_text(sink, "::");
            i += zeros.count - 1;
            continue;
        }
        if (i > 0 && i != zeros.start + zeros.count) put_byte(sink, ':');
        put_group(sink, number16(address + 2 * i));
    }
}

static void put_line(struct sink *sink, const struct tlsmgm_proxy_end *source,
                     const struct tlsmgm_proxy_end *destination) {
    const struct tlsmgm_proxy_end *ends[] = {source, destination};
    bool is_short = is_ipv4(source) && is_ipv4(destination);
    put_text(sink, is_short ? "PROXY TCP4" : "PROXY TCP6");
    for (size_t i = 0; i < 2; i++) {
        put_byte(sink, ' ');
        if (is_short) {
            put_ipv4(sink, ends[i]->address + sizeof mapped);
        } else {
            put_ipv6(sink, ends[i]->address);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        put_byte(sink, ' ');
        put_decimal(sink, ends[i]->port);
    }
    put_text(sink, "\r\n");
}

size_t tlsmgm_proxy_header_write_text(const struct tlsmgm_proxy_end *source,
                                      const struct tlsmgm_proxy_end *destination, uint8_t *out,
                                      size_t size) {
    struct sink sink = {out, size, 0};
    if (are_ip(source, destination)) {
        put_line(&sink, source, destination);
    } else {
        put_text(&sink, "PROXY UNKNOWN\r\n");
    }
    return written(&sink);
}

/* Version 2, written. */

static void put_value(struct sink *sink, enum value_type type, struct tlsmgm_bytes value) {
    if (value.size == 0 || value.size > TLSMGM_PROXY_VALUE_MAX) return;
    put_byte(sink, (uint8_t)type);
    put_number16(sink, value.size);
    put(sink, value.data, value.size);
}

static uint8_t client_flags(const struct tlsmgm_proxy_tls *tls) {
    if (!tls->has_certificate) return CLIENT_SSL;
    return tls->is_resumed ? CLIENT_SSL | CLIENT_CERT_SESS
                           : CLIENT_SSL | CLIENT_CERT_CONN | CLIENT_CERT_SESS;
}

static void put_ssl(struct sink *sink, const struct tlsmgm_proxy_tls *tls) {
    const uint8_t verify[4] = {0, 0, 0, tls->has_certificate && tls->is_verified ? 0 : 1};
    put_byte(sink, VALUE_SSL);
    size_t at = sink->length;
    put_number16(sink, 0);
    put_byte(sink, client_flags(tls));
    put(sink, verify, sizeof verify);
    put_value(sink, VALUE_SSL_VERSION, tls->version);
    put_value(sink, VALUE_SSL_CN, tls->common_name);
    put_value(sink, VALUE_SSL_CIPHER, tls->cipher);
    put_value(sink, VALUE_SSL_SIG_ALG, tls->signature_algorithm);
    put_value(sink, VALUE_SSL_KEY_ALG, tls->key_algorithm);
    put_value(sink, VALUE_SSL_GROUP, tls->group);
    set_length(sink, at);
}

static void put_ips(struct sink *sink, const struct tlsmgm_proxy_end *source,
                    const struct tlsmgm_proxy_end *destination) {
    size_t skipped = is_ipv4(source) && is_ipv4(destination) ? sizeof mapped : 0;
    put(sink, source->address + skipped, sizeof source->address - skipped);
    put(sink, destination->address + skipped, sizeof destination->address - skipped);
    put_number16(sink, source->port);
    put_number16(sink, destination->port);
}

static struct tlsmgm_bytes path_of(const struct tlsmgm_proxy_end *end) {
    return end->kind == TLSMGM_PROXY_END_UNIX ? end->path : (struct tlsmgm_bytes){0};
}

static void put_path(struct sink *sink, struct tlsmgm_bytes path) {
    put(sink, path.data, path.size);
    for (size_t i = path.size; i < TLSMGM_PROXY_PATH_MAX; i++) put_byte(sink, 0);
}

static enum family family_of_ends(const struct tlsmgm_proxy_end *source,
                                  const struct tlsmgm_proxy_end *destination) {
    if (are_ip(source, destination)) {
        return is_ipv4(source) && is_ipv4(destination) ? FAMILY_INET : FAMILY_INET6;
    }
    if (source->kind != TLSMGM_PROXY_END_UNIX && destination->kind != TLSMGM_PROXY_END_UNIX) {
        return FAMILY_UNSPEC;
    }
    bool fits = path_of(source).size <= TLSMGM_PROXY_PATH_MAX &&
                path_of(destination).size <= TLSMGM_PROXY_PATH_MAX;
    return fits ? FAMILY_UNIX : FAMILY_UNSPEC;
}

/* Everything but the length, which is set once the rest is there. */
static void put_fixed(struct sink *sink, enum command command, enum family family) {
    enum transport transport = family == FAMILY_UNSPEC ? TRANSPORT_UNSPEC : TRANSPORT_STREAM;
    put(sink, signature, sizeof signature);
    put_byte(sink, (uint8_t)command);
    put_byte(sink, (uint8_t)((unsigned)family << 4 | (unsigned)transport));
    put_number16(sink, 0);
}

size_t tlsmgm_proxy_header_write(const struct tlsmgm_proxy_end *source,
                                 const struct tlsmgm_proxy_end *destination,
                                 const struct tlsmgm_proxy_tls *tls, uint8_t *out, size_t size) {
    struct sink sink = {out, size, 0};
    enum family family = family_of_ends(source, destination);
    put_fixed(&sink, COMMAND_PROXY, family);
    if (family == FAMILY_UNIX) {
        put_path(&sink, path_of(source));
        put_path(&sink, path_of(destination));
    } else if (family != FAMILY_UNSPEC) {
        put_ips(&sink, source, destination);
    }
    if (tls != NULL) {
        put_value(&sink, VALUE_ALPN, tls->alpn);
        put_value(&sink, VALUE_AUTHORITY, tls->server_name);
        put_ssl(&sink, tls);
    }
    set_length(&sink, AT_LENGTH);
    return written(&sink);
}

size_t tlsmgm_proxy_header_write_local(uint8_t *out, size_t size) {
    struct sink sink = {out, size, 0};
    put_fixed(&sink, COMMAND_LOCAL, FAMILY_UNSPEC);
    return written(&sink);
}
