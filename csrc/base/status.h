/* Texts of the two tables, static; NULL for a number that is not in them. */
#ifndef TLSMGM_STATUS_H
#define TLSMGM_STATUS_H

#include "include/tlsmgm.h"

const char *tlsmgm_status_text(enum tlsmgm_status status);
const char *tlsmgm_status_exception(enum tlsmgm_status status);
const char *tlsmgm_verify_reason_word(enum tlsmgm_verify_reason reason);

#endif
