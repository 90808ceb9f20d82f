/* SYN filter: a listening socket that answers no new connections, and still completes old ones. */
#ifndef TLSMGM_SYN_FILTER_H
#define TLSMGM_SYN_FILTER_H

#include "include/tlsmgm.h"

/*
 * Lets a listening socket drop SYN packets: whoever is not heard tries again in a second. Stays
 * with the socket, whoever else has it. False: the system cannot do that.
 */
bool tlsmgm_drop_syns(int fd);

#endif
