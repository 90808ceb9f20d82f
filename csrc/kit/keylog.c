#include "kit/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/wipe.h"

/* Label, 32 random bytes and a secret of at most 64, in hexadecimal. */
#define LINE_MAX_SIZE 512u

/* An open file. Thousands of domains may name one, and a process has some thousand descriptors. */
struct tlsmgm_keylog_file {
    struct tlsmgm_keylog_file *next;
    size_t references;
    int descriptor;
    dev_t device;
    ino_t inode;
    char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list and its references */
static struct tlsmgm_keylog_file *files;

/* The open file, if it is still the one that has this path. */
static struct tlsmgm_keylog_file *find(const char *path) {
    struct stat now;
    if (lstat(path, &now) != 0) return NULL;
    for (struct tlsmgm_keylog_file *file = files; file != NULL; file = file->next) {
        if (file->device == now.st_dev && file->inode == now.st_ino &&
            strcmp(file->path, path) == 0) {
            return file;
        }
    }
    return NULL;
}

/* Fills in what a file is known by. False: errno says why not. */
static bool open_file(struct tlsmgm_keylog_file *file, const char *path) {
    struct stat opened;
    /* Not through a link: somebody else might have laid it to collect the secrets. */
    file->descriptor =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file->descriptor < 0) return false;
    if (fstat(file->descriptor, &opened) != 0) {
        (void)close(file->descriptor);
        return false;
    }
    file->device = opened.st_dev;
    file->inode = opened.st_ino;
    return true;
}

static enum tlsmgm_status add(const char *path, struct tlsmgm_keylog_file **out,
                              struct tlsmgm_error *error) {
    size_t size = strlen(path) + 1;
    struct tlsmgm_keylog_file *file = tlsmgm_calloc(1, sizeof *file + size);
    if (file == NULL) return tlsmgm_fail_memory(error);
    memcpy(file->path, path, size);
    if (!open_file(file, path)) {
        int reason = errno;
        tlsmgm_free(file);
        return tlsmgm_fail_parameter(error, "keylog_file", "cannot open %s: %s", path,
                                     strerror(reason));
    }
    file->next = files;
    files = file;
    *out = file;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_keylog_open(struct tlsmgm_keylog *keylog, const char *path,
                                      struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    *keylog = (struct tlsmgm_keylog){.descriptor = -1};
    if (path == NULL) return status;
    (void)pthread_mutex_lock(&lock);
    struct tlsmgm_keylog_file *file = find(path);
    if (file == NULL) status = add(path, &file, error);
    if (file != NULL) {
        file->references++;
        *keylog = (struct tlsmgm_keylog){.descriptor = file->descriptor, .file = file};
    }
    (void)pthread_mutex_unlock(&lock);
    return status;
}

static void forget(struct tlsmgm_keylog_file *file) {
    struct tlsmgm_keylog_file **link = &files;
    while (*link != file) link = &(*link)->next;
    *link = file->next;
    (void)close(file->descriptor);
    tlsmgm_free(file);
}

void tlsmgm_keylog_close(struct tlsmgm_keylog *keylog) {
    if (keylog->file != NULL) {
        (void)pthread_mutex_lock(&lock);
        if (--keylog->file->references == 0) forget(keylog->file);
        (void)pthread_mutex_unlock(&lock);
    }
    *keylog = (struct tlsmgm_keylog){.descriptor = -1};
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
    for (size_t i = 0; i < size; i++) {
        *out++ = (char)tlsmgm_hex_lower(data[i] >> 4);
        *out++ = (char)tlsmgm_hex_lower(data[i]);
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
