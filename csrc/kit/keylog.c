#include "kit/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/wipe.h"

/* Label, 32 random bytes and a secret of at most 64, in hexadecimal. */
#define LINE_MAX_SIZE 512u

enum tlsmgm_status tlsmgm_keylog_open(struct tlsmgm_keylog *keylog, const char *path,
                                      struct tlsmgm_error *error) {
    keylog->descriptor = -1;
    if (path == NULL) return TLSMGM_STATUS_OK;
    /* Not through a link: somebody else might have laid it to collect the secrets. */
    keylog->descriptor =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (keylog->descriptor >= 0) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "keylog_file", "cannot open %s: %s", path, strerror(errno));
}

void tlsmgm_keylog_close(struct tlsmgm_keylog *keylog) {
    if (keylog->descriptor >= 0) (void)close(keylog->descriptor);
    keylog->descriptor = -1;
}

/* A full disk must not end connections, so nobody is told. */
static void append(const struct tlsmgm_keylog *keylog, const char *text, size_t size) {
    ssize_t written = write(keylog->descriptor, text, size);
    (void)written;
}

void tlsmgm_keylog_line(const struct tlsmgm_keylog *keylog, const char *line) {
    char text[LINE_MAX_SIZE];
    if (keylog->descriptor < 0) return;
    int size = snprintf(text, sizeof text, "%s\n", line);
    if (size > 0 && (size_t)size < sizeof text) append(keylog, text, (size_t)size);
    tlsmgm_wipe(text, sizeof text);
}

static char *write_hex(char *out, const uint8_t *data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    return out;
}

void tlsmgm_keylog_secret(const struct tlsmgm_keylog *keylog, const char *label,
                          const uint8_t random[32], const uint8_t *secret, size_t size) {
    char line[LINE_MAX_SIZE];
    size_t label_size = strlen(label);
    if (label_size + 1 + 64 + 1 + 2 * size + 1 > sizeof line) return;
    memcpy(line, label, label_size);
    char *end = line + label_size;
    *end++ = ' ';
    end = write_hex(end, random, 32);
    *end++ = ' ';
    end = write_hex(end, secret, size);
    *end = '\0';
    tlsmgm_keylog_line(keylog, line);
    tlsmgm_wipe(line, sizeof line);
}
