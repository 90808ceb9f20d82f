#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

/* In place; false where %XX is no hexadecimal number, or is a NUL. */
static bool decode_percent(char *text) {
    char *out = text;
    while (*text != '\0') {
        if (*text != '%') {
            *out++ = *text++;
            continue;
        }
        int high = hex_digit(text[1]);
        int low = high < 0 ? -1 : hex_digit(text[2]);
        if (low < 0 || high + low == 0) return false;
        *out++ = (char)(high * 16 + low);
        text += 3;
    }
    *out = '\0';
    return true;
}

static bool add_word(struct bench_words *words, char *word, struct bench_fault *fault) {
    char *equals = strchr(word, '=');
    if (equals == NULL || equals == word) {
        return bench_fail(fault, "\"%.60s\" is no word of the form key=value", word);
    }
    *equals = '\0';
    if (!decode_percent(equals + 1)) {
        return bench_fail(fault, "the value of \"%.60s\" has a %% without two digits", word);
    }
    for (unsigned i = 0; i < words->count; i++) {
        if (strcmp(words->list[i].key, word) != 0) continue;
        return bench_fail(fault, "\"%.60s\" stands there twice", word);
    }
    if (words->count == BENCH_WORDS_MAX) {
        return bench_fail(fault, "more than %u words", BENCH_WORDS_MAX);
    }
    words->list[words->count++] = (struct bench_word){.key = word, .value = equals + 1};
    return true;
}

bool bench_words_parse(char *line, struct bench_words *words, struct bench_fault *fault) {
    char *rest = NULL;
    words->count = 0;
    for (char *word = strtok_r(line, BLANKS, &rest); word != NULL;
         word = strtok_r(NULL, BLANKS, &rest)) {
        if (!add_word(words, word, fault)) return false;
    }
    return true;
}

bool bench_words_join(int count, char *const *words, char line[BENCH_LINE_MAX],
                      struct bench_fault *fault) {
    size_t length = 0;
    line[0] = '\0';
    for (int i = 0; i < count; i++) {
        size_t size = strlen(words[i]);
        if (length + size + 2 > BENCH_LINE_MAX) return bench_fail(fault, "too many words");
        memcpy(line + length, words[i], size);
        length += size;
        line[length++] = ' ';
        line[length] = '\0';
    }
    return true;
}

const char *bench_words_find(struct bench_words *words, const char *key) {
    for (unsigned i = 0; i < words->count; i++) {
        if (strcmp(words->list[i].key, key) != 0) continue;
        words->list[i].is_used = true;
        return words->list[i].value;
    }
    return NULL;
}

bool bench_words_text(struct bench_words *words, const char *key, char *out, size_t size,
                      struct bench_fault *fault) {
    const char *value = bench_words_find(words, key);
    if (value == NULL) return true;
    size_t length = strlen(value);
    if (length >= size) return bench_fail(fault, "%s is longer than %zu bytes", key, size - 1);
    memcpy(out, value, length + 1);
    return true;
}

bool bench_words_number(struct bench_words *words, const char *key, uint64_t lowest,
                        uint64_t highest, uint64_t *out, struct bench_fault *fault) {
    const char *value = bench_words_find(words, key);
    char *end = NULL;
    if (value == NULL) return true;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number < lowest ||
        number > highest) {
        return bench_fail(fault, "%s=%.60s: a number from %llu to %llu is wanted", key, value,
                          (unsigned long long)lowest, (unsigned long long)highest);
    }
    *out = number;
    return true;
}

bool bench_words_flag(struct bench_words *words, const char *key, bool *out,
                      struct bench_fault *fault) {
    const char *value = bench_words_find(words, key);
    if (value == NULL) return true;
    *out = strcmp(value, "yes") == 0;
    if (*out || strcmp(value, "no") == 0) return true;
    return bench_fail(fault, "%s=%.60s: yes or no is wanted", key, value);
}

bool bench_words_all_used(const struct bench_words *words, struct bench_fault *fault) {
    for (unsigned i = 0; i < words->count; i++) {
        if (words->list[i].is_used) continue;
        return bench_fail(fault, "\"%.60s\" means nothing here", words->list[i].key);
    }
    return true;
}
