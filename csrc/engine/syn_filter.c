#include "engine/syn_filter.h"

#include <sys/socket.h>

#ifdef __linux__

/* The kernel's sock_filter and sock_fprog, whose header not every C library brings along. */
struct instruction {
    uint16_t code;
    uint8_t if_true, if_false; /* instructions to skip */
    uint32_t value;
};
struct program {
    unsigned short size;
    const struct instruction *code;
};

enum { LOAD_BYTE = 0x30, JUMP_IF_ANY = 0x45, RETURN = 0x06 };
enum { FLAGS_OFFSET = 13, SYN = 0x02 }; /* a packet begins with its TCP header (RFC 9293) */

bool tlsmgm_drop_syns(int fd) {
    static const struct instruction code[] = {
        {.code = LOAD_BYTE, .value = FLAGS_OFFSET},
        {.code = JUMP_IF_ANY, .if_false = 1, .value = SYN},
        {.code = RETURN, .value = 0},
        {.code = RETURN, .value = UINT32_MAX},
    };
    const struct program program = {.size = 4, .code = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

#else

bool tlsmgm_drop_syns(int fd) {
    (void)fd;
    return false;
}

#endif
