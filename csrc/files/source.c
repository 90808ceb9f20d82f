#include "files/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/count.h"
#include "base/error.h"

#define FIRST_BLOCK 8192u

bool tlsmgm_source_is_given(const struct tlsmgm_source *source) {
    return source->path != NULL || source->data.size > 0;
}

/* Not realloc(): it would leave a copy of a key behind that nobody wipes. */
static bool enlarge_blob(struct tlsmgm_blob *blob, size_t capacity) {
    uint8_t *larger = tlsmgm_calloc(capacity + 1, 1);
    if (larger == NULL) return false;
    if (blob->size > 0) memcpy(larger, blob->data, blob->size);
    size_t size = blob->size;
    tlsmgm_blob_free(blob);
    *blob = (struct tlsmgm_blob){.data = larger, .size = size};
    return true;
}

/* Whether a read that failed is to be tried again; waits until there is something to read. */
static bool is_for_later(int descriptor) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) return false;
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
    return poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

/* Room for what the file system tells and for the end behind it; it may be wrong (/proc). */
static size_t first_capacity(const struct stat *facts) {
    if (!S_ISREG(facts->st_mode) || facts->st_size <= 0) return FIRST_BLOCK;
    if (facts->st_size > (off_t)TLSMGM_FILE_MAX) return TLSMGM_FILE_MAX + 1;
    return (size_t)facts->st_size + 1;
}

static enum tlsmgm_status read_descriptor(int descriptor, const struct stat *facts,
                                          const char *path, const char *parameter,
                                          struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    size_t capacity = first_capacity(facts);
    if (!enlarge_blob(out, capacity)) return tlsmgm_fail_memory(error);
    for (;;) {
        ssize_t count = read(descriptor, out->data + out->size, capacity - out->size);
        if (count == 0) return TLSMGM_STATUS_OK;
        if (count < 0 && is_for_later(descriptor)) continue;
        if (count < 0) {
            return tlsmgm_fail_parameter(error, parameter, "cannot read %s: %s", path,
                                         strerror(errno));
        }
        out->size += (size_t)count;
        if (out->size > TLSMGM_FILE_MAX) {
            return tlsmgm_fail_parameter(error, parameter, "%s is larger than %u bytes", path,
                                         TLSMGM_FILE_MAX);
        }
        if (out->size < capacity) continue;
        capacity *= 2;
        if (!enlarge_blob(out, capacity)) return tlsmgm_fail_memory(error);
    }
}

/* Whose descriptor it is: a shell writes "<(command)" as such a path. */
static bool is_descriptor(const char *path) {
    static const char *const places[] = {"/dev/fd/", "/dev/stdin", "/proc/self/fd/"};
    for (size_t i = 0; i < TLSMGM_COUNT(places); i++) {
        if (strncmp(path, places[i], strlen(places[i])) == 0) return true;
    }
    return false;
}

/* OK for what has an end, or that somebody has opened for writing. */
static enum tlsmgm_status check_kind(const struct stat *facts, const char *path, bool only_files,
                                     const char *parameter, struct tlsmgm_error *error) {
    if (S_ISDIR(facts->st_mode)) {
        return tlsmgm_fail_parameter(error, parameter, "%s is a directory, not a file", path);
    }
    if (!only_files || S_ISREG(facts->st_mode)) return TLSMGM_STATUS_OK;
    if (!S_ISFIFO(facts->st_mode)) {
        return tlsmgm_fail_parameter(error, parameter, "%s is a device, not a file", path);
    }
    if (is_descriptor(path)) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, parameter, "%s is a FIFO, not a file", path);
}

/* Opens without waiting for a writer at the other end, or for whoever has a lease on the file. */
static int open_at_once(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor >= 0 || errno != EWOULDBLOCK) return descriptor;
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static enum tlsmgm_status read_file(const char *path, bool only_files, const char *parameter,
                                    struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    struct stat facts = {0};
    int descriptor = only_files ? open_at_once(path) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return tlsmgm_fail_parameter(error, parameter, "cannot open %s: %s", path, strerror(errno));
    }
    (void)fstat(descriptor, &facts);
    enum tlsmgm_status status = check_kind(&facts, path, only_files, parameter, error);
    if (status == TLSMGM_STATUS_OK) {
        status = read_descriptor(descriptor, &facts, path, parameter, out, error);
    }
    (void)close(descriptor);
    if (status == TLSMGM_STATUS_OK && only_files && S_ISFIFO(facts.st_mode) && out->size == 0) {
        status = tlsmgm_fail_parameter(
            error, parameter, "%s is a pipe with nothing in it; it can be read once", path);
    }
    if (status != TLSMGM_STATUS_OK) tlsmgm_blob_free(out);
    return status;
}

enum tlsmgm_status tlsmgm_file_read(const char *path, struct tlsmgm_blob *out,
                                    struct tlsmgm_error *error) {
    *out = (struct tlsmgm_blob){0};
    return read_file(path, true, NULL, out, error);
}

enum tlsmgm_status tlsmgm_source_read(const struct tlsmgm_source *source, const char *parameter,
                                      struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    *out = (struct tlsmgm_blob){0};
    if (source->data.data == NULL && source->path != NULL) {
        return read_file(source->path, false, parameter, out, error);
    }
    if (source->data.size > TLSMGM_FILE_MAX) {
        return tlsmgm_fail_parameter(error, parameter, "more than %u bytes", TLSMGM_FILE_MAX);
    }
    return tlsmgm_blob_copy(source->data, out, error);
}

static bool is_hashed_name(const char *name) {
    size_t digits = strspn(name, "0123456789abcdefABCDEF");
    if (digits != 8 || name[8] != '.') return false;
    size_t number = strspn(name + 9, "0123456789");
    return number > 0 && name[9 + number] == '\0';
}

static bool is_wanted(const char *name, bool only_hashed) {
    return only_hashed ? is_hashed_name(name) : name[0] != '.';
}

static enum tlsmgm_status list_file(const char *directory, const char *name, const char *parameter,
                                    tlsmgm_source_visitor visitor, void *context,
                                    struct tlsmgm_error *error) {
    char path[4096];
    struct stat facts;
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return tlsmgm_fail_parameter(error, parameter, "path too long in %s", directory);
    }
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) return TLSMGM_STATUS_OK;
    struct tlsmgm_source file = {.path = path};
    return visitor(context, &file, error);
}

static const char *name_in(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* What somebody else has read, in the order in which it was given. */
static enum tlsmgm_status list_files(const struct tlsmgm_directory *directory, bool only_hashed,
                                     tlsmgm_source_visitor visitor, void *context,
                                     struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    for (size_t i = 0; status == TLSMGM_STATUS_OK && i < directory->count; i++) {
        const struct tlsmgm_source *file = &directory->files[i];
        if (!is_wanted(name_in(file->path), only_hashed)) continue;
        status = visitor(context, file, error);
    }
    return status;
}

static enum tlsmgm_status list_directory(const char *path, const char *parameter, bool only_hashed,
                                         tlsmgm_source_visitor visitor, void *context,
                                         struct tlsmgm_error *error) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        return tlsmgm_fail_parameter(error, parameter, "cannot read directory %s: %s", path,
                                     strerror(errno));
    }
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (status == TLSMGM_STATUS_OK && is_wanted(name, only_hashed)) {
            status = list_file(path, name, parameter, visitor, context, error);
        }
        free(entries[i]); /* scandir() uses malloc() */
    }
    free(entries);
    return status;
}

enum tlsmgm_status tlsmgm_directory_list(const struct tlsmgm_directory *directory,
                                         const char *parameter, bool only_hashed,
                                         tlsmgm_source_visitor visitor, void *context,
                                         struct tlsmgm_error *error) {
    if (directory->files != NULL) {
        return list_files(directory, only_hashed, visitor, context, error);
    }
    return list_directory(directory->path, parameter, only_hashed, visitor, context, error);
}

struct reading {
    tlsmgm_file_visitor visitor;
    void *context;
    const char *parameter;
};

static enum tlsmgm_status read_and_visit(void *context, const struct tlsmgm_source *file,
                                         struct tlsmgm_error *error) {
    const struct reading *reading = context;
    struct tlsmgm_blob content;
    if (file->data.data != NULL) {
        return reading->visitor(reading->context, file->path, file->data, error);
    }
    enum tlsmgm_status status = tlsmgm_source_read(file, reading->parameter, &content, error);
    if (status != TLSMGM_STATUS_OK) return status;
    status = reading->visitor(reading->context, file->path, tlsmgm_blob_view(&content), error);
    tlsmgm_blob_free(&content);
    return status;
}

enum tlsmgm_status tlsmgm_directory_visit(const struct tlsmgm_directory *directory,
                                          const char *parameter, bool only_hashed,
                                          tlsmgm_file_visitor visitor, void *context,
                                          struct tlsmgm_error *error) {
    struct reading reading = {visitor, context, parameter};
    return tlsmgm_directory_list(directory, parameter, only_hashed, read_and_visit, &reading,
                                 error);
}
