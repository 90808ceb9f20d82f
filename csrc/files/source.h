/* Reading configuration files: whole, bounded, and wiped when they are given back. */
#ifndef TLSMGM_SOURCE_H
#define TLSMGM_SOURCE_H

#include "base/blob.h"

/* Largest file or value of a parameter, in bytes. */
#define TLSMGM_FILE_MAX (16u << 20)

/* Whether the source was given at all. */
bool tlsmgm_source_is_given(const struct tlsmgm_source *source);

/* Reads the file, or copies the memory. On failure out is empty and error names parameter. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_source_read(const struct tlsmgm_source *source,
                                                      const char *parameter,
                                                      struct tlsmgm_blob *out,
                                                      struct tlsmgm_error *error);

/*
 * Reads a regular file, or the pipe behind a descriptor of this process such as /dev/fd/3. A FIFO,
 * a device or a directory is refused without waiting; what a file system or a writer takes long to
 * give is waited for. On failure out is empty and error names no parameter.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_file_read(const char *path, struct tlsmgm_blob *out,
                                                    struct tlsmgm_error *error);

/*
 * What to do with each file of a directory; anything but OK ends the walk with that status. file
 * has data where it was read before; else it is for tlsmgm_source_read().
 */
typedef enum tlsmgm_status (*tlsmgm_source_visitor)(void *context, const struct tlsmgm_source *file,
                                                    struct tlsmgm_error *error);

/*
 * Shows the visitor every regular file of a directory, in the order of their names, and what cannot
 * be looked at, such as a link that leads nowhere. Files that begin with a dot are passed over;
 * with only_hashed also those not named as "openssl rehash" names them (eight hexadecimal digits, a
 * dot, a number).
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_directory_list(const struct tlsmgm_directory *directory,
                                                         const char *parameter, bool only_hashed,
                                                         tlsmgm_source_visitor visitor,
                                                         void *context, struct tlsmgm_error *error);

/* As above, for those who want the contents; a file that cannot be read ends the walk. */
typedef enum tlsmgm_status (*tlsmgm_file_visitor)(void *context, const char *path,
                                                  struct tlsmgm_bytes content,
                                                  struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_directory_visit(const struct tlsmgm_directory *directory,
                                                          const char *parameter, bool only_hashed,
                                                          tlsmgm_file_visitor visitor,
                                                          void *context,
                                                          struct tlsmgm_error *error);

#endif
