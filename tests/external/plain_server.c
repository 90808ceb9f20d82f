/*
 * A TLS server with nothing around the library: what it does with odd clients is what the library
 * does, so tlsfuzzer's verdict on it is what our proxy is compared with. One source for both
 * libraries, as wolfSSL has functions of OpenSSL's names.
 *
 * It answers the first request of each connection and ends the connection then, or sends back what
 * comes.
 *
 * usage: plain_server [OPTION]... PORT CERTIFICATE KEY
 *
 *     -c CIPHERS     of TLS 1.2 and older; not given: the library's
 *     -g GROUPS      not given: the library's
 *     -d FILE        parameters of Diffie-Hellman; not given: none
 *     -a FILE        authorities of clients; not given: no certificate is asked for
 *     -p PROTOCOL    the one to agree on (ALPN); not given: the extension is not answered
 *     -o             nothing newer than TLS 1.2
 *     -e             send back what comes
 */
#ifdef WITH_WOLFSSL
#include <wolfssl/options.h>

#include <wolfssl/openssl/ssl.h>
#else
#include <openssl/pem.h>
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

static bool echoes;

/* As it is on the wire: its length, then its name. */
static unsigned char protocol[256];

static void check(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "plain_server: %s\n", what);
    exit(1);
}

static bool is_complete(const char *request) {
    return strstr(request, "\r\n\r\n") != NULL || strstr(request, "\n\n") != NULL;
}

/* Returns SSL_ERROR_NONE, or how the connection ended before there was a request. */
static int read_request(SSL *ssl) {
    char request[65536] = "";
    size_t size = 0;
    while (!is_complete(request)) {
        int count = SSL_read(ssl, request + size, (int)(sizeof request - 1 - size));
        if (count <= 0) return SSL_get_error(ssl, count);
        size += (size_t)count;
        request[size] = '\0';
    }
    return SSL_ERROR_NONE;
}

/* Returns how the connection ended. */
static int echo(SSL *ssl) {
    char data[16384];
    int count;
    while ((count = SSL_read(ssl, data, sizeof data)) > 0) (void)SSL_write(ssl, data, count);
    return SSL_get_error(ssl, count);
}

/* Answers a close_notify, too: without that the session could not be resumed. */
static void talk(SSL *ssl) {
    static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nHello!\n";
    int result = echoes ? echo(ssl) : read_request(ssl);
    if (result == SSL_ERROR_NONE) (void)SSL_write(ssl, answer, sizeof answer - 1);
    if (result == SSL_ERROR_NONE || result == SSL_ERROR_ZERO_RETURN) (void)SSL_shutdown(ssl);
}

static void *serve(void *argument) {
    int sock = (int)(intptr_t)argument;
    SSL *ssl = SSL_new(context);
    check(ssl != NULL && SSL_set_fd(ssl, sock) == 1, "no memory");
    if (SSL_accept(ssl) == 1) talk(ssl);
    SSL_free(ssl);
    (void)close(sock);
    return NULL;
}

#ifdef WITH_WOLFSSL
static bool use_dh_parameters(const char *path) {
    return wolfSSL_CTX_SetTmpDH_file(context, path, SSL_FILETYPE_PEM) == 1;
}
#else
static bool use_dh_parameters(const char *path) {
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *parameters = file == NULL ? NULL : PEM_read_bio_Parameters(file, NULL);
    BIO_free(file);
    return parameters != NULL && SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1;
}
#endif

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                           const unsigned char *offered, unsigned int offered_size, void *unused) {
    (void)ssl, (void)unused;
    unsigned char *found = NULL;
    int result =
        SSL_select_next_proto(&found, size, protocol, protocol[0] + 1U, offered, offered_size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void speak(const char *name) {
    size_t size = strlen(name);
    check(size < sizeof protocol, "long protocol");
    protocol[0] = (unsigned char)size;
    memcpy(protocol + 1, name, size);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

static void verify_clients(const char *authorities) {
    check(SSL_CTX_load_verify_locations(context, authorities, NULL) == 1, "bad authorities");
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(authorities));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

static void configure(int option, const char *value) {
    switch (option) {
        case 'c':
            check(SSL_CTX_set_cipher_list(context, value) == 1, "bad ciphers");
            break;
        case 'g':
            check(SSL_CTX_set1_groups_list(context, value) == 1, "bad groups");
            break;
        case 'd':
            check(use_dh_parameters(value), "bad DH parameters");
            break;
        case 'a':
            verify_clients(value);
            break;
        case 'p':
            speak(value);
            break;
        case 'o':
            check(SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1, "-o");
            break;
        case 'e':
            echoes = true;
            break;
        default:
            check(false, "unknown option");
    }
}

static void load(const char *certificate, const char *key) {
    check(SSL_CTX_use_certificate_chain_file(context, certificate) == 1, "bad certificate");
    check(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1, "bad key");
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
    (void)signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(SSLv23_server_method());
    check(context != NULL, "no memory");
    /* As our proxy does; without this some scripts would see who follows whose order. */
    (void)SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    int option;
    while ((option = getopt(count, arguments, "c:g:d:a:p:oe")) != -1) configure(option, optarg);
    check(count - optind == 3, "PORT CERTIFICATE KEY");
    load(arguments[optind + 1], arguments[optind + 2]);
    int listening = listen_on(arguments[optind]);
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
