/*
 * ClientHello: collected from the wire and taken apart before any TLS library is involved, so
 * that the connection can be created inside the right context (RFC 8446 sections 4.1.2 and 5.1,
 * RFC 5246 section 7.4.1.2, RFC 6066 section 3).
 *
 * The reader follows the record layer and gathers the first handshake message, however many
 * records it is cut into; tlsmgm_client_hello_parse() then takes that message apart.
 */
#ifndef TLSMGM_CLIENT_HELLO_H
#define TLSMGM_CLIENT_HELLO_H

#include "base/buffer.h"

/* Largest ClientHello we read unless told otherwise, in bytes; real ones stay below 3,000. */
#define TLSMGM_CLIENT_HELLO_LIMIT 32768u

struct tlsmgm_hello_reader {
    struct tlsmgm_buffer message; /* handshake message gathered so far, header included */
    uint8_t header[5];            /* record header gathered so far */
    size_t header_size;
    uint8_t version[2]; /* of the record */
    size_t record_left; /* bytes of the current record still to come */
    size_t records;     /* record headers followed so far */
    size_t consumed;    /* wire bytes followed so far, record headers included */
};

/* What a client offers. Pieces are borrowed from the message; lists are in wire form. */
struct tlsmgm_client_hello {
    uint16_t legacy_version;
    bool has_server_name;
    struct tlsmgm_bytes server_name; /* host_name as sent, 1 to 255 bytes without NUL */
    struct tlsmgm_bytes session_id;
    struct tlsmgm_bytes cipher_suites;        /* 2 bytes each */
    struct tlsmgm_bytes supported_versions;   /* 2 bytes each; empty: extension not sent */
    struct tlsmgm_bytes signature_algorithms; /* 2 bytes each; empty: extension not sent */
    struct tlsmgm_bytes groups;               /* 2 bytes each; empty: extension not sent */
    struct tlsmgm_bytes alpn;                 /* length byte and name each; empty: not sent */
    bool offers_session;                      /* a ticket or a pre-shared key */
};

/* limit: largest message in bytes; 0 takes TLSMGM_CLIENT_HELLO_LIMIT. */
void tlsmgm_hello_reader_init(struct tlsmgm_hello_reader *reader, size_t limit);
void tlsmgm_hello_reader_free(struct tlsmgm_hello_reader *reader);

/*
 * Follows further wire bytes. OK: the message is complete in reader->message. WANT_READ: it is
 * not. PROTOCOL or HELLO_TOO_LARGE with the alert to send, ALERT when the peer sent one instead, or
 * NO_MEMORY: give up. Bytes after the message are not looked at; keep the wire bytes for the TLS
 * library.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_hello_reader_feed(struct tlsmgm_hello_reader *reader,
                                                            const uint8_t *data, size_t size,
                                                            struct tlsmgm_error *error);

/*
 * Whether a complete message came in one record that holds nothing else, as nearly all do. The
 * library may then be given the wire bytes as they came; of any other it gets a replay.
 */
static inline bool tlsmgm_hello_reader_is_plain(const struct tlsmgm_hello_reader *reader) {
    return reader->records == 1 && reader->record_left == 0;
}

/*
 * Writes a complete message as a client would send it that cuts nothing up: in one record, or in
 * as few as it takes. What follows reader->consumed on the wire may be appended to it. A library
 * then never meets the thousand tiny records in which a hello may come; wolfSSL refuses those
 * that cut the message header. OK or NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_hello_reader_replay(const struct tlsmgm_hello_reader *reader, struct tlsmgm_buffer *out);

/* Takes a complete message apart. OK, or PROTOCOL with the alert to send. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_client_hello_parse(struct tlsmgm_bytes message,
                                                             struct tlsmgm_client_hello *hello,
                                                             struct tlsmgm_error *error);

/*
 * Whether the client can speak a version between lowest and highest, wire values; 0 leaves that
 * end open (RFC 8446 section 4.2.1, and appendix E.1 of RFC 5246 for clients before TLS 1.3).
 */
bool tlsmgm_client_hello_offers(const struct tlsmgm_client_hello *hello, uint16_t lowest,
                                uint16_t highest);

#endif
