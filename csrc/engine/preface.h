/*
 * Preface: what an upstream is told about a client before anything else, which is a PROXY protocol
 * header or nothing. It goes before the ClientHello where the upstream speaks TLS, since that is
 * where HAProxy, nginx, Dovecot and Postfix read it.
 */
#ifndef TLSMGM_PREFACE_H
#define TLSMGM_PREFACE_H

#include "engine/proxy_header.h"

enum tlsmgm_preface_kind {
    TLSMGM_PREFACE_NONE,
    TLSMGM_PREFACE_PROXY_V1,
    TLSMGM_PREFACE_PROXY_V2,
};

/* What version 2 says about the client's TLS connection. */
enum tlsmgm_preface_values {
    TLSMGM_PREFACE_VALUES_NONE, /* nothing, as if it were plain */
    TLSMGM_PREFACE_VALUES_TLS,  /* version, cipher, resumption, and whose certificate was shown */
    TLSMGM_PREFACE_VALUES_ALL,  /* also server name, ALPN, group, algorithms of our certificate */
};

/* A client whose connection is established. */
struct tlsmgm_preface_client {
    struct tlsmgm_proxy_end source;       /* the client */
    struct tlsmgm_proxy_end destination;  /* where it connected to */
    const struct tlsmgm_backend *backend; /* of conn */
    struct tlsmgm_conn *conn;             /* NULL: it speaks plain TCP */
    struct tlsmgm_bytes server_name;      /* as the client sent it; empty: none */
};

/*
 * Writes to out, which has room for TLSMGM_PROXY_WRITE_MAX bytes; *size is how many there are. In
 * server name and protocol, bytes outside ASCII are written as "\xhh".
 *
 * OK; or PROTOCOL, as tlsmgm_certificate_fields_read() says it, when a certificate that is spoken
 * of cannot be read, or NO_MEMORY when the library could not keep it. Then *size is 0: without the
 * facts about the client the upstream must not get to see it.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_preface_write(enum tlsmgm_preface_kind kind,
                                                        enum tlsmgm_preface_values values,
                                                        const struct tlsmgm_preface_client *client,
                                                        uint8_t *out, size_t *size,
                                                        struct tlsmgm_error *error);

#endif
