/* Sealing and opening of a ticket, as a library would have it done, on a stack of its own. */
#ifndef TLSMGM_TEST_TICKET_STACK_H
#define TLSMGM_TEST_TICKET_STACK_H

#include "own_stack.h"

struct tlsmgm_test_ticket {
    uint8_t name[16];
    uint8_t iv[16];
    uint8_t mac[32];
    uint8_t bytes[512];
    int size;
};

/* Each backend has its own. conn is a server's; false when the ticket was not sealed or opened. */
bool tlsmgm_test_stack_ticket(struct tlsmgm_test_stack *stack, struct tlsmgm_conn *conn,
                              bool sealing, struct tlsmgm_test_ticket *ticket);

#endif
