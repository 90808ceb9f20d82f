cdef class Deadline:
    cdef readonly bint waits    # whether there is any waiting
    cdef double until           # seconds of time.monotonic(); infinite without a bound
    cdef str reason

    cdef double seconds_left(self) except -1


cdef int wait_until(int descriptor, int wanted, Deadline deadline) except -1
