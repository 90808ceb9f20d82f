/*
 * Embedding: for programs in C or Cython that carry connections by themselves and are linked with
 * nothing of ours. Python hands them what stands here in capsules (tlsmgm/embedding.py), and only
 * to those that were compiled for the same contract.
 *
 * A server's connection begins with a greeting: it reads the ClientHello, so that the program can
 * ask which domain answers to the name in it, and then starts the library in that domain's context.
 *
 *     feed() --> WANT_READ ... OK --> server_name() --> a context from Python --> start()
 *
 * From there on, and for clients from the beginning, struct tlsmgm_backend is all that is needed.
 *
 * This header is public. It compiles as C11 and as C++.
 */
#ifndef TLSMGM_EMBED_H
#define TLSMGM_EMBED_H

#include "tlsmgm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the capsule with a const struct tlsmgm_ctx_handle. */
#define TLSMGM_CTX_CAPSULE "tlsmgm.ctx"

/*
 * A context and the library that it belongs to. The capsule owns a reference and gives it back when
 * it is freed; connections have their own. Ask for a capsule for each connection: that is when the
 * keys of session tickets turn, and a reload may have brought another context.
 */
struct tlsmgm_ctx_handle {
    const struct tlsmgm_backend *backend; /* initialised */
    struct tlsmgm_ctx *ctx;
    bool is_server;
    uint16_t lowest_version; /* of its domain; wire values, 0: the end is open */
    uint16_t highest_version;
};

/* Name of the capsule with the const struct tlsmgm_greeting_table. */
#define TLSMGM_GREETING_CAPSULE "tlsmgm.greeting"

/* What a client has sent before its connection begins. Opaque; one thread at a time. */
struct tlsmgm_greeting;

/* Every slot is filled. The table is const and lives as long as the process. */
struct tlsmgm_greeting_table {
    uint32_t contract_version;

    /*
     * limit: largest ClientHello in bytes; 0: 32768. What is kept until start() may be eight times
     * as much, for a hello may come in small records, and more may come behind it.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*greeting_new)(size_t limit, struct tlsmgm_greeting **out,
                                                       struct tlsmgm_error *error);
    void (*greeting_free)(struct tlsmgm_greeting *greeting);

    /*
     * Copies bytes from the client, until start(). WANT_READ: there is no whole ClientHello yet.
     * OK: there is; what comes behind it may be fed, too. Anything else is the end: later calls
     * take nothing and give the same status. Unless that is ALERT, which came from the client,
     * error names the alert to send.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*feed)(struct tlsmgm_greeting *greeting,
                                               const uint8_t *data, size_t size,
                                               struct tlsmgm_error *error);

    /*
     * The name that the client asks for, as it sent it: no NUL, no other promise. data is NULL when
     * it sent none, and before feed() has said OK. Borrowed from greeting.
     */
    struct tlsmgm_bytes (*server_name)(const struct tlsmgm_greeting *greeting);

    /*
     * After an OK of feed(), once: starts a connection in the context of a server, and feeds it all
     * that came. On failure *out is NULL, and error names the alert to send; PROTOCOL when the
     * client speaks no version of the domain.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*start)(struct tlsmgm_greeting *greeting,
                                                const struct tlsmgm_ctx_handle *handle,
                                                struct tlsmgm_conn **out,
                                                struct tlsmgm_error *error);

    /* Writes a fatal alert, for a client whose connection never began. */
    void (*alert_record)(enum tlsmgm_alert alert, uint8_t record[TLSMGM_ALERT_RECORD_SIZE]);
};

#ifdef __cplusplus
}
#endif

#endif
