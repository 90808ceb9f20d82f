/*
 * Commands and options: words of the form key=value with blanks between them. A blank, a percent
 * sign or a control character inside a value is written as %XX. Everything has a bound, and a
 * word that nobody asked for is an error, so that a misspelt one changes no measurement silently.
 */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define BENCH_WORDS_MAX 40u
#define BENCH_LINE_MAX  16384u /* bytes of a command, terminator included */

struct bench_word {
    const char *key;
    const char *value;
    bool is_used; /* somebody asked for it */
};

struct bench_words {
    struct bench_word list[BENCH_WORDS_MAX];
    unsigned count;
};

/* Takes a line apart, in place; the words point into it. */
bool bench_words_parse(char *line, struct bench_words *words, struct bench_fault *fault);

/* The words of a command line as one line. */
bool bench_words_join(int count, char *const *words, char line[BENCH_LINE_MAX],
                      struct bench_fault *fault);

/* The value of a key, or NULL. */
const char *bench_words_find(struct bench_words *words, const char *key);

/* Each takes the value of a key if it is there, and leaves *out alone if not. */
bool bench_words_text(struct bench_words *words, const char *key, char *out, size_t size,
                      struct bench_fault *fault);
bool bench_words_number(struct bench_words *words, const char *key, uint64_t lowest,
                        uint64_t highest, uint64_t *out, struct bench_fault *fault);
bool bench_words_flag(struct bench_words *words, const char *key, bool *out,
                      struct bench_fault *fault); /* yes or no */

/* False when a word was never asked for. */
bool bench_words_all_used(const struct bench_words *words, struct bench_fault *fault);

#endif
