/*
 * PROXY protocol header: who is behind a connection, said before its first byte, in text (version
 * 1) or in binary (version 2). See https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt,
 * sections 2.1 and 2.2.
 *
 * Whoever believes a header lets its sender choose the client's address: only a listener that knows
 * its senders reads one. Where one is due and none comes, the connection ends; nobody guesses.
 */
#ifndef TLSMGM_PROXY_HEADER_H
#define TLSMGM_PROXY_HEADER_H

#include "include/tlsmgm.h"

/* The longest line of version 1, with its CRLF. */
#define TLSMGM_PROXY_LINE_MAX 107u

/*
 * The longest header that is read, values included. The text sets no bound below 65,551; HAProxy's
 * is the same as ours. All that we write is shorter.
 */
#define TLSMGM_PROXY_HEADER_MAX 16384u

/* Bytes of a name that is passed on. A longer one is left out; shortened, it would be another. */
#define TLSMGM_PROXY_VALUE_MAX 1024u

/* Bytes of a path in AF_UNIX. */
#define TLSMGM_PROXY_PATH_MAX 108u

/* Room for whatever is written: fixed part, two paths, ALPN, AUTHORITY, SSL and its six values. */
#define TLSMGM_PROXY_WRITE_MAX                                                                     \
    (16u + 2u * TLSMGM_PROXY_PATH_MAX + 8u * (3u + TLSMGM_PROXY_VALUE_MAX) + 3u + 5u)

/* What is known of one end of the client's connection. */
enum tlsmgm_proxy_end_kind {
    TLSMGM_PROXY_END_NONE, /* nothing */
    TLSMGM_PROXY_END_IP,
    TLSMGM_PROXY_END_UNIX,
};

struct tlsmgm_proxy_end {
    enum tlsmgm_proxy_end_kind kind;
    uint8_t address[16];      /* of IP: IPv6, or IPv4 mapped into it (RFC 4291 section 2.5.5.2) */
    uint16_t port;            /* of IP */
    struct tlsmgm_bytes path; /* of UNIX, to be written; not filled in by the reader */
};

struct tlsmgm_proxy_header {
    size_t size; /* how many bytes it took; those behind it are the client's */
    /*
     * The sender speaks for itself (LOCAL), as in a health check. Otherwise it speaks for a client,
     * whose addresses are known unless both kinds are NONE: UNKNOWN, UNSPEC or UNIX. In both cases
     * those of the connection itself hold.
     */
    bool is_local;
    struct tlsmgm_proxy_end source;      /* the client: NONE or IP */
    struct tlsmgm_proxy_end destination; /* where it connected to: NONE or IP, as the source */
};

/*
 * Reads the header at the front of all bytes that have come so far. Nothing is kept between calls,
 * and nothing of the bytes in out.
 *
 * OK: out is filled in. WANT_READ: it is not whole yet; no byte behind it is ever asked for.
 * PROTOCOL, without an alert, as early as can be said: this is no header, or one that the text
 * forbids, or its values run over its end, or its checksum is wrong, or it is too long. error says
 * what; it may be NULL.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_proxy_header_read(struct tlsmgm_bytes bytes,
                                                            struct tlsmgm_proxy_header *out,
                                                            struct tlsmgm_error *error);

/*
 * What version 2 says about the client's TLS connection. Texts are borrowed; an empty one, or one
 * of more than TLSMGM_PROXY_VALUE_MAX bytes, is left out.
 */
struct tlsmgm_proxy_tls {
    struct tlsmgm_bytes version; /* such as "TLSv1.3" */
    struct tlsmgm_bytes cipher;  /* name of the cipher suite */
    struct tlsmgm_bytes server_name;
    struct tlsmgm_bytes alpn;
    struct tlsmgm_bytes common_name;         /* of the client's certificate */
    struct tlsmgm_bytes signature_algorithm; /* of our own certificate, such as "RSA-SHA256" */
    struct tlsmgm_bytes key_algorithm;       /* of our own certificate, such as "RSA2048" */
    struct tlsmgm_bytes group;
    bool has_certificate; /* the client has shown one, here or in the session's first connection */
    bool is_verified;     /* and it was verified */
    bool is_resumed;      /* this connection resumed a session */
};

/*
 * Writers: to out, which has room for size bytes. They return the header's size, or 0 when there is
 * less room; then nothing can be made of what out holds. TLSMGM_PROXY_LINE_MAX bytes are enough for
 * a line, TLSMGM_PROXY_WRITE_MAX for the others.
 */

/* Version 1. Ends that are not both IP become UNKNOWN; IPv4 beside IPv6 is written as IPv6. */
size_t tlsmgm_proxy_header_write_text(const struct tlsmgm_proxy_end *source,
                                      const struct tlsmgm_proxy_end *destination, uint8_t *out,
                                      size_t size);

/*
 * Version 2. tls: NULL for a client that speaks plain TCP. Where one end is UNIX the other one's
 * path is empty unless it is UNIX, too; a path that is too long makes it UNSPEC, as does an end
 * without an address.
 */
size_t tlsmgm_proxy_header_write(const struct tlsmgm_proxy_end *source,
                                 const struct tlsmgm_proxy_end *destination,
                                 const struct tlsmgm_proxy_tls *tls, uint8_t *out, size_t size);

/* Version 2, of a connection that the proxy makes for itself. */
size_t tlsmgm_proxy_header_write_local(uint8_t *out, size_t size);

#endif
