/*
 * Question: a client who asks for a name that no domain answers, on its way from a worker to a
 * program that may know one. The client waits, and the time for its handshake runs.
 */
#ifndef TLSMGM_QUESTION_H
#define TLSMGM_QUESTION_H

#include "serve/selector.h"

/* A name is no longer (RFC 1035 section 2.3.4). */
#define TLSMGM_QUESTION_NAME_MAX 255

struct tlsmgm_question {
    uint64_t token; /* for the answer, to the same worker */
    uint64_t asked; /* monotonic nanoseconds */
    struct tlsmgm_local local;
    uint16_t client_port;
    uint8_t client[16];
    bool has_client_address;
    uint8_t name_size; /* 0: the client sends none */
    uint8_t name[TLSMGM_QUESTION_NAME_MAX];
};

#endif
