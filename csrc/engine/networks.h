/* Networks: whether an address is in one of a few, such as those of senders who are trusted. */
#ifndef TLSMGM_NETWORKS_H
#define TLSMGM_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An address, IPv4 mapped into IPv6, and how many of its bits count: those of IPv4 are 96 more.
 * A network is of one family: ::/0 is all of IPv6 and nothing of IPv4, as whoever writes it
 * expects.
 */
struct tlsmgm_network {
    uint8_t address[16];
    uint8_t prefix; /* 0 to 128; 96 to 128 of IPv4 */
};

/* Goes through all of them, so they should be few. */
bool tlsmgm_networks_have(const struct tlsmgm_network *networks, size_t count,
                          const uint8_t address[16]);

#endif
