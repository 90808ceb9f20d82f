/*
 * A client connection of one backend, and a hostile server or somebody on the line: the other half
 * of fuzz_server_connection.c, with the same parts.
 */
#include "connection/play.h"
#include "connection/rig.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    rig_begin(false);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    play(&input);
    return 0;
}
