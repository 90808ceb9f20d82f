#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool read_port(struct bench_words *words, const char *key, struct sockaddr_in *out,
                      struct bench_fault *fault) {
    uint64_t port = 0;
    if (!bench_words_number(words, key, 1, UINT16_MAX, &port, fault)) return false;
    if (port == 0) return bench_fail(fault, "%s is missing", key);
    *out = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    return true;
}

bool bench_server_read(int count, char *const *arguments, struct bench_server *server,
                       struct bench_fault *fault) {
    static char line[BENCH_LINE_MAX];
    struct bench_words words;
    *server = (struct bench_server){.backlog = SOMAXCONN};
    return bench_words_join(count, arguments, line, fault) &&
           bench_words_parse(line, &words, fault) &&
           read_port(&words, "port", &server->address, fault) &&
           read_port(&words, "upstream", &server->upstream, fault) &&
           bench_words_number(&words, "backlog", 1, INT32_MAX, &server->backlog, fault) &&
           bench_setting_read(&words, &server->setting, fault) &&
           bench_words_all_used(&words, fault);
}

bool bench_server_listen(const struct bench_server *server, int *out, struct bench_fault *fault) {
    const struct sockaddr *address = (const struct sockaddr *)&server->address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *out = fd;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address, sizeof server->address) == 0 && listen(fd, (int)server->backlog) == 0) {
        return true;
    }
    (void)bench_fail(fault, "listening: %s", strerror(errno));
    if (fd >= 0) (void)close(fd);
    return false;
}
