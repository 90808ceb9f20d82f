/* Certificates that peers show: good ones, wrong ones, and such as the input has altered. */
#ifndef FUZZ_IDENTITY_H
#define FUZZ_IDENTITY_H

#include "input.h"

enum { IDENTITIES = 4 };

struct identity {
    struct tlsmgm_source certificate; /* not given: the peer has none */
    struct tlsmgm_source private_key;
};

/* which: below IDENTITIES. */
struct identity identity_of(bool is_server, size_t which);

/* Whether a target that verifies accepts it: from its root, and of a server with the right name. */
bool identity_is_good(bool is_server, size_t which);

/* The certificate as PEM, with some bytes altered as the input says. Owned by the caller. */
char *identity_forge(struct tlsmgm_bytes der, struct input *input);

#endif
