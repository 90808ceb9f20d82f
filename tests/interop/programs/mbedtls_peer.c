/* Mbed TLS 3.6; see ../README.md for what it is told. usage: mbedtls_peer client|server */

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAILER "interop-end\n"
#define MOST    (4u << 20)

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_x509_crt authorities, certificate;
static mbedtls_pk_context key;
static mbedtls_ssl_config config;
static mbedtls_ssl_ticket_context tickets;
static unsigned char buffer[MOST];

static void say_error(const char *what, int code) {
    char text[160];

    mbedtls_strerror(code, text, sizeof text);
    printf("error: %s: -0x%04x %s\n", what, (unsigned)-code, text);
    fflush(stdout);
}

static void must(const char *what, int code) {
    if (code == 0) {
        return;
    }
    say_error(what, code);
    exit(1);
}

static const char *told(const char *name) {
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(1);
    }
    return value;
}

static void configure(int endpoint) {
    const char *name = "interop";
    int is_new = strcmp(told("TLS_VERSION"), "1.3") == 0;
    mbedtls_ssl_protocol_version version =
        is_new ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;

    must("psa", psa_crypto_init() == PSA_SUCCESS ? 0 : -1);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    must("drbg", mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy,
                                       (const unsigned char *)name, strlen(name)));
    mbedtls_ssl_config_init(&config);
    must("config", mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_min_tls_version(&config, version);
    mbedtls_ssl_conf_max_tls_version(&config, version);
    mbedtls_x509_crt_init(&authorities);
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
    if (getenv("TLS_CA") != NULL) {
        must("CA", mbedtls_x509_crt_parse_file(&authorities, told("TLS_CA")));
        mbedtls_ssl_conf_ca_chain(&config, &authorities, NULL);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    if (getenv("TLS_CERT") != NULL) {
        must("certificate", mbedtls_x509_crt_parse_file(&certificate, told("TLS_CERT")));
        must("key",
             mbedtls_pk_parse_keyfile(&key, told("TLS_KEY"), NULL, mbedtls_ctr_drbg_random, &drbg));
        must("own", mbedtls_ssl_conf_own_cert(&config, &certificate, &key));
    }
}

/* Returns how much was read: up to the end, or to the trailer. *end is 1 where it was the end, or
 * an error. */
static size_t read_all(mbedtls_ssl_context *ssl, int until_trailer, int *end, int *is_new_ticket) {
    size_t size = 0;
    size_t trailer = strlen(TRAILER);

    *end = 0;
    while (size < MOST) {
        int got = mbedtls_ssl_read(ssl, buffer + size, MOST - size);

        if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            *is_new_ticket = 1;
            continue;
        }
        /* It returns so after a ticket, though the socket waits. */
        if (got == MBEDTLS_ERR_SSL_WANT_READ) {
            continue;
        }
        if (got <= 0) {
            *end = got == 0 ? 1 : got;
            break;
        }
        size += (size_t)got;
        if (until_trailer && size >= trailer &&
            memcmp(buffer + size - trailer, TRAILER, trailer) == 0) {
            break;
        }
    }
    return size;
}

static int write_all(mbedtls_ssl_context *ssl, const unsigned char *data, size_t size) {
    while (size > 0) {
        int sent = mbedtls_ssl_write(ssl, data, size);

        if (sent < 0) {
            return sent;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static size_t read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        must(path, -1);
    }
    size = fread(buffer, 1, MOST, file);
    fclose(file);
    return size;
}

static void keep(size_t size) {
    FILE *file = fopen(told("TLS_ANSWER"), "wb");

    if (file == NULL || fwrite(buffer, 1, size, file) != size || fclose(file) != 0) {
        must("answer", -1);
    }
}

static void say_end(int end) {
    if (end == 0) {
        puts("end: ours");
    } else if (end == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        puts("end: close_notify");
    } else if (end == 1) {
        puts("end: FIN without close_notify");
    } else {
        say_error("read", end);
    }
    fflush(stdout);
}

static int call(mbedtls_ssl_session *session, int has_session) {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    int end = 0, is_new = 0, result;
    int until_trailer = strcmp(told("TLS_UNTIL"), "trailer") == 0;

    mbedtls_net_init(&net);
    mbedtls_ssl_init(&ssl);
    must("connect",
         mbedtls_net_connect(&net, "127.0.0.1", told("TLS_PORT"), MBEDTLS_NET_PROTO_TCP));
    must("setup", mbedtls_ssl_setup(&ssl, &config));
    must("name", mbedtls_ssl_set_hostname(&ssl, "localhost"));
    if (has_session) {
        must("session", mbedtls_ssl_set_session(&ssl, session));
    }
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    must("handshake", mbedtls_ssl_handshake(&ssl));
    result = write_all(&ssl, buffer, read_file(told("TLS_REQUEST")));
    must("write", result);
    keep(read_all(&ssl, until_trailer, &end, &is_new));
    if (is_new || strcmp(told("TLS_VERSION"), "1.2") == 0) {
        must("get session", mbedtls_ssl_get_session(&ssl, session));
        has_session = 1;
    }
    mbedtls_ssl_close_notify(&ssl);
    say_end(end);
    mbedtls_ssl_free(&ssl);
    mbedtls_net_free(&net);
    return has_session;
}

static void client(void) {
    mbedtls_ssl_session session;
    int has_session = 0;

    configure(MBEDTLS_SSL_IS_CLIENT);
    /* By default it passes over the tickets of TLS 1.3. */
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    mbedtls_ssl_session_init(&session);
    for (int times = atoi(told("TLS_TIMES")); times > 0; times--) {
        has_session = call(&session, has_session);
    }
}

static void answer(mbedtls_net_context *net) {
    mbedtls_ssl_context ssl;
    int end = 0, is_new = 0, result;

    mbedtls_ssl_init(&ssl);
    must("setup", mbedtls_ssl_setup(&ssl, &config));
    mbedtls_ssl_set_bio(&ssl, net, mbedtls_net_send, mbedtls_net_recv, NULL);
    result = mbedtls_ssl_handshake(&ssl);
    if (result != 0) {
        say_error("handshake", result);
    } else {
        size_t size = read_all(&ssl, 1, &end, &is_new);

        if (end == 0) {
            result = write_all(&ssl, buffer, size);
            if (result != 0) {
                say_error("write", result);
            }
        }
        mbedtls_ssl_close_notify(&ssl);
    }
    mbedtls_ssl_free(&ssl);
}

static void server(void) {
    mbedtls_net_context listener, net;

    configure(MBEDTLS_SSL_IS_SERVER);
    mbedtls_ssl_ticket_init(&tickets);
    must("tickets", mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &drbg,
                                             MBEDTLS_CIPHER_AES_256_GCM, 86400));
    mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &tickets);
    mbedtls_net_init(&listener);
    must("bind", mbedtls_net_bind(&listener, "127.0.0.1", told("TLS_PORT"), MBEDTLS_NET_PROTO_TCP));
    for (;;) {
        mbedtls_net_init(&net);
        must("accept", mbedtls_net_accept(&listener, &net, NULL, 0, NULL));
        answer(&net);
        mbedtls_net_free(&net);
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(MBEDTLS_VERSION_STRING);
    } else if (argc == 2 && strcmp(argv[1], "server") == 0) {
        server();
    } else {
        client();
    }
    return 0;
}
