#include "json.h"

/* Bytes outside ASCII may come from a broken command and be no UTF-8, so they become '?'. */
static void write_text(FILE *out, const char *text) {
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            (void)fprintf(out, "\\%c", byte);
        } else if (byte < 0x20) {
            (void)fprintf(out, "\\u%04x", byte);
        } else {
            (void)fputc(byte < 0x7f ? byte : '?', out);
        }
    }
    (void)fputc('"', out);
}

static void write_key(struct bench_json *json, const char *key) {
    (void)fputs(json->has_members ? ", " : "", json->out);
    json->has_members = true;
    write_text(json->out, key);
    (void)fputs(": ", json->out);
}

void bench_json_begin(struct bench_json *json, FILE *out) {
    *json = (struct bench_json){.out = out};
    (void)fputc('{', out);
}

void bench_json_text(struct bench_json *json, const char *key, const char *value) {
    write_key(json, key);
    write_text(json->out, value);
}

void bench_json_number(struct bench_json *json, const char *key, int64_t value) {
    write_key(json, key);
    (void)fprintf(json->out, "%" PRId64, value);
}

void bench_json_flag(struct bench_json *json, const char *key, bool value) {
    write_key(json, key);
    (void)fputs(value ? "true" : "false", json->out);
}

bool bench_json_end(struct bench_json *json) {
    (void)fputs("}\n", json->out);
    return fflush(json->out) == 0 && ferror(json->out) == 0;
}
