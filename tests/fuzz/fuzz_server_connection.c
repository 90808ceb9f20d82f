/*
 * A server connection of one backend, from the ClientHello to the end: a real client of the same
 * backend talks to it, and the input says what becomes of each record on the way, and in which
 * order the program calls the connection. connection/ has the parts:
 *
 *     rig.h      who meets whom: versions, rules, certificates, sessions
 *     tamper.h   what happens to a record
 *     target.h   the calls, and what must be true after each of them
 *     play.h     how it all goes on, round by round
 *     still.h    clock and random bytes, which stand still
 */
#include "connection/play.h"
#include "connection/rig.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    rig_begin(true);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    play(&input);
    return 0;
}
