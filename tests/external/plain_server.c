/*
 * A TLS server with nothing around the library: what it does with odd clients is what the library
 * does, so tlsfuzzer's verdict on it is what our proxy is compared with. One source for both
 * libraries, as wolfSSL has functions of OpenSSL's names.
 *
 * It answers the first request of each connection, and ends the connection then.
 *
 * usage: plain_server PORT CERTIFICATE KEY CIPHERS GROUPS CA
 *        "-" leaves CIPHERS or GROUPS to the library, and asks for no client certificate as CA.
 */
#ifdef WITH_WOLFSSL
#include <wolfssl/options.h>

#include <wolfssl/openssl/ssl.h>
#else
#include <openssl/ssl.h>
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;

static void check(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "plain_server: %s\n", what);
    exit(1);
}

static bool is_complete(const char *request) {
    return strstr(request, "\r\n\r\n") != NULL || strstr(request, "\n\n") != NULL;
}

/* False when the connection ended before there was a request. */
static bool read_request(SSL *ssl) {
    char request[65536] = "";
    size_t size = 0;
    while (!is_complete(request)) {
        int count = SSL_read(ssl, request + size, (int)(sizeof request - 1 - size));
        if (count <= 0) return false;
        size += (size_t)count;
        request[size] = '\0';
    }
    return true;
}

static void *serve(void *argument) {
    static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nHello!\n";
    int sock = (int)(intptr_t)argument;
    SSL *ssl = SSL_new(context);
    check(ssl != NULL && SSL_set_fd(ssl, sock) == 1, "no memory");
    if (SSL_accept(ssl) == 1 && read_request(ssl)) {
        (void)SSL_write(ssl, answer, sizeof answer - 1);
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    (void)close(sock);
    return NULL;
}

static void configure(char **arguments) {
    context = SSL_CTX_new(SSLv23_server_method());
    check(context != NULL, "no memory");
    check(SSL_CTX_use_certificate_chain_file(context, arguments[2]) == 1, "bad certificate");
    check(SSL_CTX_use_PrivateKey_file(context, arguments[3], SSL_FILETYPE_PEM) == 1, "bad key");
    if (strcmp(arguments[4], "-") != 0) {
        check(SSL_CTX_set_cipher_list(context, arguments[4]) == 1, "bad ciphers");
    }
    if (strcmp(arguments[5], "-") != 0) {
        check(SSL_CTX_set1_groups_list(context, arguments[5]) == 1, "bad groups");
    }
    if (strcmp(arguments[6], "-") != 0) {
        check(SSL_CTX_load_verify_locations(context, arguments[6], NULL) == 1, "bad CA");
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(arguments[6]));
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    }
    (void)SSL_CTX_set_session_id_context(context, (const unsigned char *)"plain", 5);
}

static int listen_on(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    check(sock >= 0, "no socket");
    (void)setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    check(bind(sock, (struct sockaddr *)&address, sizeof address) == 0, "cannot bind");
    check(listen(sock, 64) == 0, "cannot listen");
    return sock;
}

int main(int count, char **arguments) {
    check(count == 7, "PORT CERTIFICATE KEY CIPHERS GROUPS CA");
    (void)signal(SIGPIPE, SIG_IGN);
    configure(arguments);
    int listening = listen_on(arguments[1]);
    for (;;) {
        pthread_t thread;
        int sock = accept(listening, NULL, NULL);
        if (sock < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)sock) == 0) {
            (void)pthread_detach(thread);
        } else {
            (void)close(sock);
        }
    }
}
