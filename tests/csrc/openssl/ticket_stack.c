#include "ticket_stack.h"

#include <openssl/evp.h>

#include "backends/openssl/internal.h"

struct arguments {
    struct tlsmgm_conn *conn;
    bool sealing;
    struct tlsmgm_test_ticket *ticket;
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac;
    int result;
};

static void *call(void *argument) {
    struct arguments *given = argument;
    given->result = ossl_ticket_callback(given->conn->ssl, given->ticket->name, given->ticket->iv,
                                         given->cipher, given->mac, given->sealing);
    return NULL;
}

bool tlsmgm_test_stack_ticket(struct tlsmgm_test_stack *stack, struct tlsmgm_conn *conn,
                              bool sealing, struct tlsmgm_test_ticket *ticket) {
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    struct arguments arguments = {.conn = conn, .sealing = sealing, .ticket = ticket};
    arguments.cipher = EVP_CIPHER_CTX_new();
    arguments.mac = EVP_MAC_CTX_new(hmac);
    bool ran = arguments.cipher != NULL && arguments.mac != NULL &&
               tlsmgm_test_stack_run(stack, call, &arguments);
    EVP_MAC_CTX_free(arguments.mac);
    EVP_CIPHER_CTX_free(arguments.cipher);
    EVP_MAC_free(hmac);
    return ran && arguments.result > 0;
}
