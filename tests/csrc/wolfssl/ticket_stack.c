#include "ticket_stack.h"

#include "backends/wolfssl/internal.h"

#define PLAIN_SIZE 64

struct arguments {
    struct tlsmgm_conn *conn;
    bool sealing;
    struct tlsmgm_test_ticket *ticket;
    int result;
};

static void *call(void *argument) {
    struct arguments *given = argument;
    struct tlsmgm_test_ticket *ticket = given->ticket;
    int size = given->sealing ? (int)sizeof ticket->bytes : 0;
    given->result = wssl_ticket_callback(given->conn->ssl, ticket->name, ticket->iv, ticket->mac,
                                         given->sealing, ticket->bytes, ticket->size, &size, NULL);
    ticket->size = size;
    return NULL;
}

bool tlsmgm_test_stack_ticket(struct tlsmgm_test_stack *stack, struct tlsmgm_conn *conn,
                              bool sealing, struct tlsmgm_test_ticket *ticket) {
    struct arguments arguments = {conn, sealing, ticket, WOLFSSL_TICKET_RET_FATAL};
    if (sealing) ticket->size = PLAIN_SIZE;
    return tlsmgm_test_stack_run(stack, call, &arguments) &&
           arguments.result == WOLFSSL_TICKET_RET_OK;
}
