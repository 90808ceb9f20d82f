#include "engine/networks.h"

#include <string.h>

static bool is_ipv4(const uint8_t address[16]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

static bool is_in(const struct tlsmgm_network *network, const uint8_t address[16]) {
    size_t whole = network->prefix / 8u;
    unsigned rest = network->prefix % 8u;
    if (is_ipv4(network->address) != is_ipv4(address)) return false;
    if (memcmp(network->address, address, whole) != 0) return false;
    if (rest == 0) return true;
    return (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool tlsmgm_networks_have(const struct tlsmgm_network *networks, size_t count,
                          const uint8_t address[16]) {
    for (size_t i = 0; i < count; i++) {
        if (is_in(&networks[i], address)) return true;
    }
    return false;
}
