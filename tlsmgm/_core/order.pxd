"""Order where there is no interpreter lock.

A critical section is left while its thread waits for another object's.  What must not be overtaken
meanwhile, such as records between their encryption and a buffer, is held by this as well.  Where
there is an interpreter lock nothing comes in between, and this is nothing.
"""

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    typedef PyMutex tlsmgm_order;
    #define tlsmgm_order_hold(order) PyMutex_Lock(order)
    #define tlsmgm_order_release(order) PyMutex_Unlock(order)
    #else
    typedef char tlsmgm_order;
    #define tlsmgm_order_hold(order) ((void)(order))
    #define tlsmgm_order_release(order) ((void)(order))
    #endif
    """
    ctypedef struct tlsmgm_order:
        pass
    void tlsmgm_order_hold(tlsmgm_order *)
    void tlsmgm_order_release(tlsmgm_order *)
