/* Alerts of TLS: their names, and one that no library sends. */
#ifndef TLSMGM_ALERT_H
#define TLSMGM_ALERT_H

#include "include/tlsmgm.h"

/* Such as "unknown_ca"; "unknown" where no standard has the number. Never NULL. */
const char *tlsmgm_alert_name(int alert);

/* A fatal alert in a record of its own. */
void tlsmgm_alert_record(enum tlsmgm_alert alert, uint8_t record[TLSMGM_ALERT_RECORD_SIZE]);

#endif
