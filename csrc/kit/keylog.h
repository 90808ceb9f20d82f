/*
 * Key log: a file to which the secrets of connections are written, in the format of NSS, so that
 * programs such as Wireshark can read what was said. Who has the file has the connections.
 */
#ifndef TLSMGM_KEYLOG_H
#define TLSMGM_KEYLOG_H

#include "include/tlsmgm.h"

struct tlsmgm_keylog_file;

struct tlsmgm_keylog {
    int descriptor; /* -1: nothing is logged */
    struct tlsmgm_keylog_file
        *file; /* shared by all key logs of its path; NULL: nothing is logged */
};

/*
 * Opens the file to append to it, for its owner alone; path may be NULL. A file that is open
 * already is shared, unless another one has taken its place since.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_keylog_open(struct tlsmgm_keylog *keylog,
                                                      const char *path, struct tlsmgm_error *error);
void tlsmgm_keylog_close(struct tlsmgm_keylog *keylog);

/* One line without its newline; written at once, so that threads and processes may share a file. */
void tlsmgm_keylog_line(const struct tlsmgm_keylog *keylog, const char *line);

/* The same from its parts: "label client-random secret", the latter two in hexadecimal. */
void tlsmgm_keylog_secret(const struct tlsmgm_keylog *keylog, const char *label,
                          const uint8_t random[32], const uint8_t *secret, size_t size);

#endif
