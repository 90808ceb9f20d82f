/*
 * A world that stands still, so that a finding happens again: the clock stops in 2026, when the
 * certificates are in force, and random bytes follow from a seed.
 *
 * What is left of chance: wolfSSL keeps one generator for the whole process, from which the
 * nonces of tickets come, so their bytes depend on how many were sealed before. Addresses in memory
 * differ from run to run, and nothing here depends on them.
 */
#ifndef FUZZ_STILL_H
#define FUZZ_STILL_H

/* Once, before the library is used. */
void still_begin(void);

/* Random bytes begin anew; call it before each run. */
void still_rewind(void);

#endif
