/* Bounds of a connection's wire buffers, the same for every backend. In bytes. */
#ifndef TLSMGM_CONN_LIMITS_H
#define TLSMGM_CONN_LIMITS_H

/* Fed but not yet read. A program that stops feeding until read() asks for more never sees it. */
#define TLSMGM_INPUT_MAX (4u << 20)

/* write() takes no more while so much waits to be carried off. */
#define TLSMGM_OUTPUT_HIGH_WATER (256u << 10)

/* Above the mark: room for the last record and for what a handshake or an alert adds. */
#define TLSMGM_OUTPUT_MAX (TLSMGM_OUTPUT_HIGH_WATER + (1u << 20))

/* Largest plain text of one record (RFC 8446 section 5.1). */
#define TLSMGM_RECORD_MAX 16384u

#endif
