/* The contract of csrc/tlsmgm.h, as the measurements use it. */
#ifndef BENCH_CONTRACT_H
#define BENCH_CONTRACT_H

#include "include/tlsmgm.h"
#include "setting.h"

/* The library this program was linked with. */
extern const struct tlsmgm_backend *const bench_backend;

/* A context of one end of the pinned setting. */
bool bench_contract_context(const struct bench_setting *setting, bool is_server,
                            struct tlsmgm_ctx **out, struct bench_fault *fault);

/* The client's end of a new connection; session may be NULL. */
bool bench_contract_client(const struct bench_setting *setting, struct tlsmgm_ctx *ctx,
                           const struct tlsmgm_session *session, struct tlsmgm_conn **out,
                           struct bench_fault *fault);

void bench_contract_facts(struct tlsmgm_conn *conn, struct bench_facts *facts);

/* "what: the sentence of the error". Returns false. */
bool bench_contract_fail(struct bench_fault *fault, const char *what,
                         const struct tlsmgm_error *error);

#endif
