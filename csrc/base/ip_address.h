/* IP addresses in text, as users and clients write them (RFC 4291 section 2.2). */
#ifndef TLSMGM_IP_ADDRESS_H
#define TLSMGM_IP_ADDRESS_H

#include "include/tlsmgm.h"

/* Bytes of the address that the text is, 4 or 16; 0: it is none. */
size_t tlsmgm_ip_address_read(struct tlsmgm_bytes text, uint8_t out[16]);

#endif
