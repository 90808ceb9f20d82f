/*
 * The connection that is tested. Every call goes through here and is held against what tlsmgm.h
 * promises; a promise that is broken ends the process.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include "hello/client_hello.h"
#include "rig.h"

struct target {
    const struct rig *rig;
    struct tlsmgm_conn *conn; /* NULL until the ClientHello is complete */
    struct tlsmgm_hello_reader reader;
    struct tlsmgm_buffer hello; /* bytes from the client before there is a connection */
    bool refused;               /* our reader has sent the client away */
    bool ended;                 /* the transport has */
    bool established;           /* handshake() has said OK */
    enum tlsmgm_status fatal;   /* OK while nothing fatal happened */
    size_t received;            /* bytes of application data */

    size_t peer_wrote; /* as far as the peer has got, kept up to date by who drives it */
    bool peer_goodbye; /* it has sent close_notify */
    bool is_untouched; /* nothing has happened that an honest peer and program would not do */
};

/* Application data of both sides: byte number index of the stream. */
uint8_t pattern_byte(size_t index);

void target_begin(struct target *target, const struct rig *rig);
void target_end(struct target *target);

/* Bytes from the peer. lent: borrowed, and given back after the calls that input chooses. */
void target_take(struct target *target, const uint8_t *data, size_t size, bool lent,
                 struct input *input);
void target_take_end(struct target *target);

/* Calls whatever input says, at least one function. */
void target_poke(struct target *target, struct input *input);

/* Moves what the target has for its peer to the end of out. */
void target_drain(struct target *target, struct tlsmgm_buffer *out);

#endif
