/*
 * bench_hold: holds many ends of connections, or many contexts, to be weighed from outside.
 *
 *     bench_hold side=server|client SETTING...
 *
 * SETTING is as in common/setting.h. It obeys the frames of benchmarks/workloads/programs/holder.py
 * until its input ends. What cannot be obeyed ends it: a sentence goes to standard error.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "holder.h"

static bool read_words(struct bench_holder *holder, int count, char **arguments,
                       struct bench_fault *fault) {
    static char line[BENCH_LINE_MAX];
    struct bench_words words;
    if (!bench_words_join(count, arguments, line, fault) ||
        !bench_words_parse(line, &words, fault) ||
        !bench_setting_read(&words, &holder->setting, fault)) {
        return false;
    }
    const char *side = bench_words_find(&words, "side");
    holder->is_server = side != NULL && strcmp(side, "server") == 0;
    if (!holder->is_server && (side == NULL || strcmp(side, "client") != 0)) {
        return bench_fail(fault, "side=server or side=client is wanted");
    }
    return bench_words_all_used(&words, fault);
}

static bool obey_frames(struct bench_holder *holder, struct bench_fault *fault) {
    static uint8_t frame[BENCH_FRAME_MAX];
    struct bench_answer answer;
    size_t size;
    enum bench_frame found;
    while ((found = bench_frame_read(stdin, frame, &size, fault)) == BENCH_FRAME_THERE) {
        if (!bench_holder_obey(holder, frame, size, &answer, fault) ||
            !bench_frame_write(stdout, answer.head, answer.head_size, answer.rest, answer.rest_size,
                               fault)) {
            return false;
        }
    }
    return found == BENCH_FRAME_END;
}

int main(int count, char **arguments) {
    static struct bench_holder holder;
    struct bench_fault fault = {0};
    (void)signal(SIGPIPE, SIG_IGN); /* a write that fails says so itself */
    bool good = read_words(&holder, count - 1, arguments + 1, &fault) && bench_layer.init(&fault) &&
                obey_frames(&holder, &fault);
    if (!good) (void)fprintf(stderr, "%s\n", fault.text);
    /* The process ends, and what is held goes with it. */
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
