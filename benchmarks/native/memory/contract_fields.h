/* Reads certificates as the $tls_peer_* variables do. */
#ifndef BENCH_CONTRACT_FIELDS_H
#define BENCH_CONTRACT_FIELDS_H

#include "fault.h"
#include "include/tlsmgm.h"

/* Takes a certificate apart and writes every text of it. */
bool bench_contract_fields(struct tlsmgm_bytes der, struct bench_fault *fault);

#endif
