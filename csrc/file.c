#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

#define FIRST_BLOCK 8192u

bool tlsmgm_source_is_given(const struct tlsmgm_source *source) {
    return source->path != NULL || source->data.size > 0;
}

void tlsmgm_blob_free(struct tlsmgm_blob *blob) {
    if (blob->data != NULL) tlsmgm_wipe(blob->data, blob->size);
    tlsmgm_free(blob->data);
    *blob = (struct tlsmgm_blob){0};
}

static enum tlsmgm_status copy_memory(struct tlsmgm_bytes bytes, struct tlsmgm_blob *out,
                                      struct tlsmgm_error *error) {
    out->data = tlsmgm_calloc(bytes.size + 1, 1);
    if (out->data == NULL) return tlsmgm_fail_memory(error);
    if (bytes.size > 0) memcpy(out->data, bytes.data, bytes.size);
    out->size = bytes.size;
    return TLSMGM_OK;
}

/* Not realloc(): it would leave a copy of a key behind that nobody wipes. */
static bool double_blob(struct tlsmgm_blob *blob, size_t *capacity) {
    uint8_t *larger = tlsmgm_calloc(*capacity * 2 + 1, 1);
    if (larger == NULL) return false;
    if (blob->size > 0) memcpy(larger, blob->data, blob->size);
    size_t size = blob->size;
    tlsmgm_blob_free(blob);
    *blob = (struct tlsmgm_blob){.data = larger, .size = size};
    *capacity *= 2;
    return true;
}

/* Reads to the end; sizes told by the file system may be wrong (pipes, /proc). */
static enum tlsmgm_status read_descriptor(int descriptor, const char *path, const char *parameter,
                                          struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    size_t capacity = FIRST_BLOCK / 2;
    for (;;) {
        if ((out->data == NULL || out->size == capacity) && !double_blob(out, &capacity)) {
            return tlsmgm_fail_memory(error);
        }
        ssize_t count = read(descriptor, out->data + out->size, capacity - out->size);
        if (count == 0) return TLSMGM_OK;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            return tlsmgm_fail_parameter(error, parameter, "cannot read %s: %s", path,
                                         strerror(errno));
        }
        out->size += (size_t)count;
        if (out->size > TLSMGM_FILE_MAX) {
            return tlsmgm_fail_parameter(error, parameter, "%s is larger than %u bytes", path,
                                         TLSMGM_FILE_MAX);
        }
    }
}

static enum tlsmgm_status read_file(const char *path, const char *parameter,
                                    struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    struct stat facts;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return tlsmgm_fail_parameter(error, parameter, "cannot open %s: %s", path, strerror(errno));
    }
    enum tlsmgm_status status = TLSMGM_OK;
    if (fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        status = tlsmgm_fail_parameter(error, parameter, "%s is a directory, not a file", path);
    } else {
        status = read_descriptor(descriptor, path, parameter, out, error);
    }
    (void)close(descriptor);
    if (status != TLSMGM_OK) tlsmgm_blob_free(out);
    return status;
}

enum tlsmgm_status tlsmgm_source_read(const struct tlsmgm_source *source, const char *parameter,
                                      struct tlsmgm_blob *out, struct tlsmgm_error *error) {
    *out = (struct tlsmgm_blob){0};
    if (source->data.data == NULL && source->path != NULL) {
        return read_file(source->path, parameter, out, error);
    }
    if (source->data.size > TLSMGM_FILE_MAX) {
        return tlsmgm_fail_parameter(error, parameter, "more than %u bytes", TLSMGM_FILE_MAX);
    }
    return copy_memory(source->data, out, error);
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
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) return TLSMGM_OK;
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
    enum tlsmgm_status status = TLSMGM_OK;
    for (size_t i = 0; status == TLSMGM_OK && i < directory->count; i++) {
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
    enum tlsmgm_status status = TLSMGM_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (status == TLSMGM_OK && is_wanted(name, only_hashed)) {
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
    if (status != TLSMGM_OK) return status;
    struct tlsmgm_bytes bytes = {content.data, content.size};
    status = reading->visitor(reading->context, file->path, bytes, error);
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
