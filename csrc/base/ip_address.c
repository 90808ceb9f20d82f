#include "base/ip_address.h"

#include <arpa/inet.h>
#include <string.h>

/* The longest way to write one, in bytes: IPv6 with IPv4 at its end. */
#define TEXT_MAX 45u

size_t tlsmgm_ip_address_read(struct tlsmgm_bytes text, uint8_t out[16]) {
    char copy[TEXT_MAX + 1] = {0};
    if (text.size == 0 || text.size > TEXT_MAX) return 0;
    memcpy(copy, text.data, text.size);
    if (strlen(copy) != text.size) return 0;
    if (inet_pton(AF_INET, copy, out) == 1) return 4;
    return inet_pton(AF_INET6, copy, out) == 1 ? 16 : 0;
}
