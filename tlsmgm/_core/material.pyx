"""What files held at one moment: read once, outside of Python's memory, and wiped in the end.

A context is built from exactly the bytes whose digest says whether anything has changed.
"""

import hashlib
import os

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport calloc, free

from tlsmgm._core.capi cimport (
    tlsmgm_blob_free,
    tlsmgm_bytes,
    tlsmgm_directory,
    tlsmgm_error,
    tlsmgm_file_read,
    tlsmgm_source,
    tlsmgm_status,
)
from tlsmgm._core.status cimport check

# A digest of a key says nothing to whoever sees it, and only equal bytes have the same one.
cdef bytes _KEY = os.urandom(32)


cdef bytes name_of(object value, str what):
    """A text as C takes it, which must not end earlier there than here."""
    cdef bytes name = os.fsencode(value)
    if b"\0" in name:
        raise ValueError(f"a {what} has a NUL byte in it")
    return name


cdef bytes _sha256(object data):
    return hashlib.sha256(data).digest()


cdef bytes _keyed(object data):
    return hashlib.blake2b(data, key=_KEY, digest_size=32).digest()


cdef bytes _sha256_of_folder(tuple files, tuple unread):
    parts = [os.fsencode(os.path.basename(file.path)) + file.digest for file in files]
    parts += [os.fsencode(f"\0{path}\0{reason}") for path, reason in unread]
    return hashlib.sha256(b"".join(parts)).digest()


def secret_digest(data not None):
    """Digest of a secret in memory, as :attr:`Material.secret_digest` is of one in a file."""
    return _keyed(data)


cdef class Material:
    """The content of one file, which is read when the object is made.

    The interpreter lock is released meanwhile. The bytes can be had as ``bytes(material)`` and by
    ``memoryview(material)``; nothing else shows them.

    Args:
        path: of a regular file, or of a pipe by its descriptor (``/dev/fd/3``). For a pipe this
            waits until its writers have closed it.

    Attributes:
        path: as it was given.

    Raises:
        ConfigError: it cannot be read, or is larger than 16 MiB. No parameter is named.
    """

    def __cinit__(self, path):
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef const char *name
        self.name = name_of(path, "path")
        self.path = os.fsdecode(path)
        name = self.name
        with nogil:
            status = tlsmgm_file_read(name, &self.blob, &error)
        check(status, &error, None)

    def __dealloc__(self):
        tlsmgm_blob_free(&self.blob)

    cdef tlsmgm_source source(self) noexcept:
        """As a part of a configuration; good as long as this object lives."""
        cdef tlsmgm_source result
        result.path = self.name
        result.data.data = self.blob.data
        result.data.size = self.blob.size
        return result

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.blob.data, <Py_ssize_t> self.blob.size, 1, flags)

    def __bytes__(self):
        return (<const char *> self.blob.data)[:self.blob.size]

    def __len__(self):
        return self.blob.size

    @property
    @cython.critical_section  # threads may ask at once, and the first one computes it
    def digest(self):
        """SHA-256 of the content."""
        if self.public_digest is None:
            self.public_digest = _sha256(self)
        return self.public_digest

    @property
    @cython.critical_section
    def secret_digest(self):
        """Digest of a secret: tells contents apart within this process, and nothing to others."""
        if self.keyed_digest is None:
            self.keyed_digest = _keyed(self)
        return self.keyed_digest

    def __repr__(self):
        return f"<Material {self.path!r}, {len(self)} bytes>"


cdef class Folder:
    """The files of a directory that count, and what of it could not be read.

    Args:
        path: of the directory.
        files: of :class:`Material`, in the order in which they count.
        unread: pairs of a path and a reason.
    """

    def __cinit__(self, path, files, unread):
        cdef Material file
        cdef Py_ssize_t at
        self.name = name_of(path, "path")
        self.path = os.fsdecode(path)
        self.files = tuple(files)
        self.unread = tuple(unread)
        self.sources = <tlsmgm_source *> calloc(len(self.files) + 1, sizeof(tlsmgm_source))
        if self.sources == NULL:
            raise MemoryError
        for at, item in enumerate(self.files):
            file = item
            self.sources[at] = file.source()

    def __dealloc__(self):
        free(self.sources)

    cdef tlsmgm_directory directory(self) noexcept:
        """As a part of a configuration; good as long as this object lives."""
        cdef tlsmgm_directory result
        result.path = self.name
        result.files = self.sources
        result.count = len(self.files)
        return result

    @property
    @cython.critical_section
    def digest(self):
        """SHA-256 of names and contents, and of what could not be read."""
        if self.public_digest is None:
            self.public_digest = _sha256_of_folder(self.files, self.unread)
        return self.public_digest

    @property
    def is_missing(self):
        """Whether the directory itself could not be read."""
        return any(path == self.path for path, _ in self.unread)

    @property
    def warnings(self):
        """Sentences about what could not be read."""
        return tuple([f"passed over: {path}: {reason}" for path, reason in self.unread])

    def __repr__(self):
        return f"<Folder {self.path!r}, {len(self.files)} files>"
