/* Runs calls on a stack of their own, so that a test can see what they leave behind there. */
#ifndef TLSMGM_TEST_OWN_STACK_H
#define TLSMGM_TEST_OWN_STACK_H

#include "include/tlsmgm.h"
#include "kit/keylog.h"
#include "session/ticket_keys.h"

struct tlsmgm_test_stack;

/* NULL without memory. */
struct tlsmgm_test_stack *tlsmgm_test_stack_new(void);
void tlsmgm_test_stack_free(struct tlsmgm_test_stack *stack);

/* Whether these bytes lie in it, anywhere. */
bool tlsmgm_test_stack_holds(const struct tlsmgm_test_stack *stack, const uint8_t *data,
                             size_t size);

/* Each of these begins with an empty stack; false when it could not be run at all. */

bool tlsmgm_test_stack_run(struct tlsmgm_test_stack *stack, void *(*call)(void *), void *arguments);

/* memcpy() to the stack, for a test of the test. */
bool tlsmgm_test_stack_copy(struct tlsmgm_test_stack *stack, const uint8_t *data, size_t size);

bool tlsmgm_test_stack_replace(struct tlsmgm_test_stack *stack, struct tlsmgm_ticket_keys *keys,
                               const uint8_t *material, size_t count);
bool tlsmgm_test_stack_keylog(struct tlsmgm_test_stack *stack, const struct tlsmgm_keylog *keylog,
                              const uint8_t random[32], const uint8_t *secret, size_t size);
bool tlsmgm_test_stack_ctx_new(struct tlsmgm_test_stack *stack,
                               const struct tlsmgm_backend *backend,
                               const struct tlsmgm_ctx_config *config, struct tlsmgm_ctx **out);
bool tlsmgm_test_stack_handshake(struct tlsmgm_test_stack *stack,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn);

#endif
