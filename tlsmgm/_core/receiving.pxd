cdef enum:
    MUCH = 65536  # bytes that are received at once: four records

cdef bytes receive(int fd, size_t size, bint *expects_much)
