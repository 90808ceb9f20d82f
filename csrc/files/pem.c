#include "files/pem.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/count.h"
#include "base/error.h"

#define BEGIN          "-----BEGIN "
#define END            "-----END "
#define TAIL           "-----"
#define COLUMNS        64u
#define NAME_MAX_SHOWN 100u

#define LENGTH(literal) (sizeof(literal) - 1)

static const struct {
    const char *label;
    enum tlsmgm_pem_kind kind;
    enum tlsmgm_pem_noun noun;
} labels[] = {
    {"CERTIFICATE", TLSMGM_PEM_CERTIFICATE, TLSMGM_PEM_A_CERTIFICATE},
    {"X509 CERTIFICATE", TLSMGM_PEM_CERTIFICATE, TLSMGM_PEM_A_CERTIFICATE},
    {"TRUSTED CERTIFICATE", TLSMGM_PEM_TRUSTED_CERTIFICATE, TLSMGM_PEM_A_CERTIFICATE},
    {"X509 CRL", TLSMGM_PEM_CRL, TLSMGM_PEM_A_CRL},
    {"PRIVATE KEY", TLSMGM_PEM_PRIVATE_KEY, TLSMGM_PEM_A_PRIVATE_KEY},
    {"RSA PRIVATE KEY", TLSMGM_PEM_PRIVATE_KEY, TLSMGM_PEM_A_PRIVATE_KEY},
    {"EC PRIVATE KEY", TLSMGM_PEM_PRIVATE_KEY, TLSMGM_PEM_A_PRIVATE_KEY},
    {"DSA PRIVATE KEY", TLSMGM_PEM_PRIVATE_KEY, TLSMGM_PEM_A_PRIVATE_KEY},
    {"ENCRYPTED PRIVATE KEY", TLSMGM_PEM_ENCRYPTED_PRIVATE_KEY, TLSMGM_PEM_A_PRIVATE_KEY},
    {"OPENSSH PRIVATE KEY", TLSMGM_PEM_OPENSSH_PRIVATE_KEY, TLSMGM_PEM_AN_OPENSSH_KEY},
    {"EC PARAMETERS", TLSMGM_PEM_EC_PARAMETERS, TLSMGM_PEM_EC_PARAMETER_SET},
    {"DH PARAMETERS", TLSMGM_PEM_DH_PARAMETERS, TLSMGM_PEM_DH_PARAMETER_SET},
    {"X9.42 DH PARAMETERS", TLSMGM_PEM_X9_42_DH_PARAMETERS, TLSMGM_PEM_DH_PARAMETER_SET},
    {"PKCS7", TLSMGM_PEM_PKCS7, TLSMGM_PEM_A_PKCS7},
    {"PKCS #7 SIGNED DATA", TLSMGM_PEM_PKCS7, TLSMGM_PEM_A_PKCS7},
    {"CMS", TLSMGM_PEM_PKCS7, TLSMGM_PEM_A_PKCS7},
    {"CERTIFICATE REQUEST", TLSMGM_PEM_CERTIFICATE_REQUEST, TLSMGM_PEM_A_REQUEST},
    {"NEW CERTIFICATE REQUEST", TLSMGM_PEM_CERTIFICATE_REQUEST, TLSMGM_PEM_A_REQUEST},
    {"PUBLIC KEY", TLSMGM_PEM_PUBLIC_KEY, TLSMGM_PEM_A_PUBLIC_KEY},
    {"RSA PUBLIC KEY", TLSMGM_PEM_PUBLIC_KEY, TLSMGM_PEM_A_PUBLIC_KEY},
};

/* One of them in a text and in a list, and what to run where it can be made into the wanted one. */
static const struct {
    const char *word;
    const char *one;
    const char *remedy;
} nouns[TLSMGM_PEM_NOUNS] = {
    [TLSMGM_PEM_A_CERTIFICATE] = {"certificate", "a certificate", NULL},
    [TLSMGM_PEM_A_CRL] = {"CRL", "a CRL", NULL},
    [TLSMGM_PEM_A_PRIVATE_KEY] = {"private key", "a private key", NULL},
    [TLSMGM_PEM_AN_OPENSSH_KEY] = {"OpenSSH key", "an OpenSSH key",
                                   "ssh-keygen -p -m PKCS8 -f COPY"},
    [TLSMGM_PEM_EC_PARAMETER_SET] = {"EC parameters", "EC parameters", NULL},
    [TLSMGM_PEM_DH_PARAMETER_SET] = {"Diffie-Hellman parameters", "Diffie-Hellman parameters",
                                     NULL},
    [TLSMGM_PEM_A_PKCS7] = {"PKCS#7 block", "a PKCS#7 block",
                            "openssl pkcs7 -print_certs -in OLD -out NEW"},
    [TLSMGM_PEM_A_REQUEST] = {"certificate request", "a certificate request", NULL},
    [TLSMGM_PEM_A_PUBLIC_KEY] = {"public key", "a public key", NULL},
    [TLSMGM_PEM_SOMETHING_ELSE] = {"item", "something else", NULL},
};

static bool starts_with(struct tlsmgm_bytes bytes, const char *prefix, size_t length) {
    return bytes.size >= length && memcmp(bytes.data, prefix, length) == 0;
}

static struct tlsmgm_bytes behind(struct tlsmgm_bytes bytes, size_t size) {
    if (size == 0) return bytes;
    return (struct tlsmgm_bytes){bytes.data + size, bytes.size - size};
}

static bool is_blank(uint8_t byte) { return byte <= ' '; }

void tlsmgm_pem_name(const struct tlsmgm_pem *pem, char *out, size_t size) {
    const char *name = pem->name == NULL ? "the value" : pem->name;
    size_t length = strlen(name);
    bool is_long = length > NAME_MAX_SHOWN;
    (void)snprintf(out, size, "%s%s", is_long ? "..." : "",
                   is_long ? name + length - NAME_MAX_SHOWN : name);
}

/* For what follows the name; of a value, nothing stands there. */
static void write_name(const struct tlsmgm_pem *pem, char *out, size_t size) {
    out[0] = '\0';
    if (pem->name == NULL) return;
    tlsmgm_pem_name(pem, out, size - 2);
    memcpy(out + strlen(out), ", ", 3);
}

void tlsmgm_pem_place(const struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item, char *out,
                      size_t size) {
    char name[NAME_MAX_SHOWN + 8];
    write_name(pem, name, sizeof name);
    (void)snprintf(out, size, "%s%s %zu (line %zu)", name, nouns[item->noun].word, item->number,
                   item->line);
}

enum tlsmgm_status tlsmgm_pem_fail(const struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item,
                                   struct tlsmgm_error *error, const char *what) {
    char place[TLSMGM_PEM_PLACE_SIZE];
    tlsmgm_pem_place(pem, item, place, sizeof place);
    return tlsmgm_fail_parameter(error, pem->parameter, "%s: %s", place, what);
}

static enum tlsmgm_status fail_line(const struct tlsmgm_pem *pem, size_t line,
                                    struct tlsmgm_error *error, const char *what) {
    char name[NAME_MAX_SHOWN + 8];
    write_name(pem, name, sizeof name);
    return tlsmgm_fail_parameter(error, pem->parameter, "%sline %zu: damaged PEM: %s", name, line,
                                 what);
}

static enum tlsmgm_status fail_text(const struct tlsmgm_pem *pem, struct tlsmgm_error *error,
                                    const char *what) {
    char name[NAME_MAX_SHOWN + 8];
    tlsmgm_pem_name(pem, name, sizeof name);
    return tlsmgm_fail_parameter(error, pem->parameter, "%s %s", name, what);
}

/* Lines. */

struct line {
    struct tlsmgm_bytes text; /* without line end and blanks before it */
    size_t start;             /* in the whole text */
    size_t number;
    bool is_cut; /* the text ends without a line end here */
};

static bool next_line(struct tlsmgm_pem *pem, struct line *line) {
    struct tlsmgm_bytes rest = behind(pem->text, pem->at);
    if (rest.size == 0) return false;
    const uint8_t *end = memchr(rest.data, '\n', rest.size);
    size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
    *line = (struct line){{rest.data, size}, pem->at, pem->line, end == NULL};
    while (line->text.size > 0 && is_blank(line->text.data[line->text.size - 1])) line->text.size--;
    pem->at += end == NULL ? size : size + 1;
    pem->line++;
    return true;
}

/* The text of a line from a position on is read once more, as a line of its own. */
static void reread(struct tlsmgm_pem *pem, const struct line *line, size_t position) {
    pem->at = line->start + position;
    pem->line = line->number;
}

/* Base64 (RFC 4648 section 4). */

enum { IS_BLANK = 64, IS_PADDING, IS_WRONG };

static unsigned value_of(uint8_t byte) {
    if (byte >= 'A' && byte <= 'Z') return byte - 'A' + 0u;
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26u;
    if (byte >= '0' && byte <= '9') return byte - '0' + 52u;
    if (byte == '+') return 62;
    if (byte == '/') return 63;
    if (byte == '=') return IS_PADDING;
    return byte == ' ' || (byte >= '\t' && byte <= '\r') ? IS_BLANK : IS_WRONG;
}

/* How many bytes it stands for; false when it is no base64 or does not end as it should. */
static bool measure(struct tlsmgm_bytes body, size_t *size) {
    size_t digits = 0;
    size_t padding = 0;
    for (size_t i = 0; i < body.size; i++) {
        unsigned value = value_of(body.data[i]);
        if (value == IS_BLANK) continue;
        if (value == IS_WRONG || (value != IS_PADDING && padding > 0)) return false;
        if (value == IS_PADDING) {
            padding++;
        } else {
            digits++;
        }
    }
    *size = digits / 4 * 3 + (digits % 4 == 0 ? 0 : digits % 4 - 1);
    return digits % 4 != 1 && padding <= 2 && (digits + padding) % 4 == 0;
}

static void decode(struct tlsmgm_bytes body, uint8_t *out, size_t size) {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t written = 0;
    for (size_t i = 0; i < body.size && written < size; i++) {
        unsigned value = value_of(body.data[i]);
        if (value > 63) continue;
        bits = bits << 6 | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out[written++] = (uint8_t)(bits >> count & 0xff);
    }
}

/* Formats that are no PEM. */

static bool has_at(struct tlsmgm_bytes bytes, size_t at, const char *what, size_t length) {
    return bytes.size >= at + length && memcmp(bytes.data + at, what, length) == 0;
}

static bool is_utf16(struct tlsmgm_bytes bytes) {
    if (has_at(bytes, 0, "\xff\xfe", 2) || has_at(bytes, 0, "\xfe\xff", 2)) return true;
    return has_at(bytes, 0, "-\0-\0-", 5) || has_at(bytes, 0, "\0-\0-\0-", 6);
}

/* What stands in the outer SEQUENCE of a DER file, whose length may be wrong. */
static struct tlsmgm_bytes inside_sequence(struct tlsmgm_bytes bytes) {
    if (bytes.size < 2 || bytes.data[0] != 0x30) return (struct tlsmgm_bytes){0};
    size_t width = bytes.data[1] < 0x80 ? 0 : bytes.data[1] & 0x7fu;
    if (width > 4 || bytes.size < 2 + width) return (struct tlsmgm_bytes){0};
    return behind(bytes, 2 + width);
}

static const char *der_format(struct tlsmgm_bytes bytes) {
    static const char pkcs7[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    struct tlsmgm_bytes inside = inside_sequence(bytes);
    if (has_at(inside, 0, "\x02\x01\x03\x30", 4)) {
        return "a PKCS#12 file (run: openssl pkcs12 -in OLD -nodes -out NEW)";
    }
    if (has_at(inside, 0, pkcs7, sizeof pkcs7 - 1)) {
        return "PKCS#7 in DER (run: openssl pkcs7 -inform DER -print_certs -in OLD -out NEW)";
    }
    if (has_at(inside, 0, "\x02\x01\x00", 3) || has_at(inside, 0, "\x02\x01\x01\x04", 4)) {
        return "a private key in DER (run: openssl pkey -inform DER -in OLD -out NEW)";
    }
    /* A text may begin with zeros, but not with such a length. */
    if (inside.size > 0 && inside.data[0] == 0x30 && bytes.data[1] > 0x80) {
        return "DER, not PEM (of a certificate, run: openssl x509 -inform DER -in OLD -out NEW)";
    }
    return NULL;
}

const char *tlsmgm_foreign_format(struct tlsmgm_bytes bytes) {
    if (bytes.size == 0) return "empty";
    if (is_utf16(bytes)) return "UTF-16 text (save it as UTF-8)";
    if (has_at(bytes, 0, "\xfe\xed\xfe\xed", 4)) {
        return "a Java key store (run: keytool -importkeystore -srckeystore OLD -destkeystore NEW "
               "-deststoretype pkcs12, then openssl pkcs12)";
    }
    const char *der = der_format(bytes);
    if (der != NULL) return der;
    return memchr(bytes.data, '\0', bytes.size) == NULL ? NULL : "not text: it has NUL bytes";
}

/* Items. */

void tlsmgm_pem_begin(struct tlsmgm_pem *pem, struct tlsmgm_bytes text, const char *parameter,
                      const char *name) {
    *pem = (struct tlsmgm_pem){.text = text, .name = name, .parameter = parameter, .line = 1};
    if (starts_with(text, "\xef\xbb\xbf", 3)) pem->at = 3;
}

static void set_label(struct tlsmgm_pem *pem, struct tlsmgm_pem_item *item) {
    item->kind = TLSMGM_PEM_OTHER;
    item->noun = TLSMGM_PEM_SOMETHING_ELSE;
    for (size_t i = 0; i < TLSMGM_COUNT(labels); i++) {
        size_t length = strlen(labels[i].label);
        if (item->label.size != length || !starts_with(item->label, labels[i].label, length)) {
            continue;
        }
        item->kind = labels[i].kind;
        item->noun = labels[i].noun;
    }
    item->number = ++pem->numbers[item->noun];
}

/* Printable, and without dashes that could be another line's. */
static bool is_label(struct tlsmgm_bytes label) {
    if (label.size == 0 || label.size > TLSMGM_PEM_LABEL_MAX) return false;
    for (size_t i = 0; i < label.size; i++) {
        uint8_t byte = label.data[i];
        if (byte < ' ' || byte > '~') return false;
        if (byte == '-' && i + 1 < label.size && label.data[i + 1] == '-') return false;
    }
    return label.data[0] != '-' && label.data[label.size - 1] != '-';
}

static bool read_label(struct tlsmgm_bytes line, struct tlsmgm_bytes *label) {
    if (line.size < LENGTH(BEGIN) + LENGTH(TAIL)) return false;
    *label = behind(line, LENGTH(BEGIN));
    label->size -= LENGTH(TAIL);
    return memcmp(label->data + label->size, TAIL, LENGTH(TAIL)) == 0 && is_label(*label);
}

/* A line that only the end of the text keeps from being a BEGIN. */
static bool is_cut_begin(const struct line *line) {
    const size_t size = line->text.size;
    if (starts_with(line->text, "-----BEGIN", LENGTH("-----BEGIN"))) {
        return size == LENGTH("-----BEGIN");
    }
    return line->is_cut && size > LENGTH(TAIL) && size < LENGTH(BEGIN) &&
           memcmp(line->text.data, BEGIN, size) == 0;
}

static bool is_indented_begin(struct tlsmgm_bytes text) {
    size_t at = 0;
    while (at < text.size && is_blank(text.data[at])) at++;
    return at > 0 && starts_with(behind(text, at), BEGIN, LENGTH(BEGIN));
}

/* What is wrong with a line outside of items; NULL: nothing. */
static const char *damage_outside(struct tlsmgm_pem *pem, const struct line *line) {
    if (starts_with(line->text, END, LENGTH(END))) {
        bool is_known = pem->end_is_due;
        pem->end_is_due = false;
        return is_known ? NULL : "an END without its BEGIN";
    }
    const char *damage = NULL;
    if (is_cut_begin(line)) damage = "a cut BEGIN line";
    if (is_indented_begin(line->text)) damage = "there are blanks before BEGIN";
    if (damage != NULL) pem->end_is_due = true;
    return damage;
}

/* Looks for the next BEGIN. OK, CLOSED at the end, or CONFIG. */
static enum tlsmgm_status find_begin(struct tlsmgm_pem *pem, struct tlsmgm_pem_item *item,
                                     struct tlsmgm_error *error) {
    struct line line;
    while (next_line(pem, &line)) {
        if (line.text.size == 0 || memchr(line.text.data, '-', line.text.size) == NULL) continue;
        const char *damage = damage_outside(pem, &line);
        if (damage != NULL) return fail_line(pem, line.number, error, damage);
        if (!starts_with(line.text, BEGIN, LENGTH(BEGIN))) continue;
        item->line = line.number;
        pem->end_is_due = !read_label(line.text, &item->label);
        if (!pem->end_is_due) return TLSMGM_STATUS_OK;
        return fail_line(pem, line.number, error, "a malformed BEGIN line");
    }
    return TLSMGM_STATUS_CLOSED;
}

/* Whether the line ends the item. What follows in it is an item of its own, or wrong. */
static bool is_end_of(struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item,
                      const struct line *line) {
    struct tlsmgm_bytes rest = behind(line->text, LENGTH(END));
    if (!starts_with(rest, (const char *)item->label.data, item->label.size)) return false;
    rest = behind(rest, item->label.size);
    if (!starts_with(rest, TAIL, LENGTH(TAIL))) return false;
    rest = behind(rest, LENGTH(TAIL));
    if (rest.size == 0) return true;
    if (!starts_with(rest, BEGIN, LENGTH(BEGIN))) return false;
    reread(pem, line, line->text.size - rest.size);
    return true;
}

/* Lines with a colon right behind BEGIN, up to an empty one. */
struct body {
    size_t start;
    size_t headers_start;
    size_t headers_end;
    bool in_headers;
    bool is_first;
};

static void follow_headers(struct body *body, const struct line *line, size_t next) {
    bool has_colon = line->text.size > 0 && memchr(line->text.data, ':', line->text.size) != NULL;
    if (body->is_first && has_colon) {
        body->in_headers = true;
        body->headers_start = line->start;
    }
    body->is_first = false;
    if (!body->in_headers || line->text.size > 0) return;
    body->in_headers = false;
    body->headers_end = line->start;
    body->start = next;
}

/* From behind BEGIN to behind END; body and headers are set. */
static enum tlsmgm_status find_end(struct tlsmgm_pem *pem, struct tlsmgm_pem_item *item,
                                   struct tlsmgm_error *error) {
    struct body body = {.start = pem->at, .is_first = true};
    struct line line;
    while (next_line(pem, &line)) {
        if (starts_with(line.text, BEGIN, LENGTH(BEGIN))) {
            reread(pem, &line, 0);
            return tlsmgm_pem_fail(pem, item, error, "another BEGIN comes before its END");
        }
        if (!starts_with(line.text, END, LENGTH(END))) {
            follow_headers(&body, &line, pem->at);
            continue;
        }
        if (!is_end_of(pem, item, &line)) {
            return tlsmgm_pem_fail(pem, item, error, "its END line is damaged or of another label");
        }
        if (body.in_headers) {
            return tlsmgm_pem_fail(pem, item, error, "no empty line ends its headers");
        }
        item->body = (struct tlsmgm_bytes){pem->text.data + body.start, line.start - body.start};
        item->headers = (struct tlsmgm_bytes){pem->text.data + body.headers_start,
                                              body.headers_end - body.headers_start};
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_pem_fail(pem, item, error, "its END line is missing");
}

enum tlsmgm_status tlsmgm_pem_next(struct tlsmgm_pem *pem, struct tlsmgm_pem_item *item,
                                   struct tlsmgm_error *error) {
    *item = (struct tlsmgm_pem_item){0};
    const char *foreign = pem->line == 1 ? tlsmgm_foreign_format(pem->text) : NULL;
    if (foreign != NULL && pem->text.size > 0) {
        char what[200];
        pem->at = pem->text.size;
        pem->line++;
        (void)snprintf(what, sizeof what, "is %s", foreign);
        return fail_text(pem, error, what);
    }
    enum tlsmgm_status status = find_begin(pem, item, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (pem->count++ == TLSMGM_PEM_ITEMS_MAX) {
        pem->at = pem->text.size;
        return fail_line(pem, item->line, error, "too many items");
    }
    set_label(pem, item);
    status = find_end(pem, item, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (!measure(item->body, &item->size)) {
        return tlsmgm_pem_fail(pem, item, error, "its base64 is damaged");
    }
    return item->size > 0 ? TLSMGM_STATUS_OK : tlsmgm_pem_fail(pem, item, error, "it is empty");
}

enum tlsmgm_status tlsmgm_pem_find(struct tlsmgm_pem *pem, enum tlsmgm_pem_noun noun,
                                   struct tlsmgm_pem_item *item, struct tlsmgm_error *error) {
    for (;;) {
        enum tlsmgm_status status = tlsmgm_pem_next(pem, item, error);
        if (status != TLSMGM_STATUS_OK || item->noun == noun) return status;
    }
}

enum tlsmgm_status tlsmgm_pem_decode(const struct tlsmgm_pem_item *item, struct tlsmgm_blob *out,
                                     struct tlsmgm_error *error) {
    *out = (struct tlsmgm_blob){.data = tlsmgm_calloc(item->size + 1, 1), .size = item->size};
    if (out->data == NULL) {
        out->size = 0;
        return tlsmgm_fail_memory(error);
    }
    decode(item->body, out->data, out->size);
    return TLSMGM_STATUS_OK;
}

/* Lines of an item are written one after the other; the room was measured before. */
struct writer {
    uint8_t *out;
    size_t size;
};

static void put(struct writer *writer, const void *bytes, size_t size) {
    if (size == 0) return;
    if (writer->out != NULL) memcpy(writer->out + writer->size, bytes, size);
    writer->size += size;
}

static void put_frame(struct writer *writer, const char *word, size_t length,
                      struct tlsmgm_bytes label) {
    put(writer, word, length);
    put(writer, label.data, label.size);
    put(writer, TAIL "\n", LENGTH(TAIL "\n"));
}

static void put_headers(struct writer *writer, struct tlsmgm_bytes headers) {
    struct tlsmgm_pem lines = {.text = headers};
    struct line line;
    while (next_line(&lines, &line)) {
        put(writer, line.text.data, line.text.size);
        put(writer, "\n", 1);
    }
    if (headers.size > 0) put(writer, "\n", 1);
}

static void put_body(struct writer *writer, struct tlsmgm_bytes body) {
    size_t column = 0;
    for (size_t i = 0; i < body.size; i++) {
        if (value_of(body.data[i]) == IS_BLANK) continue;
        put(writer, &body.data[i], 1);
        if (++column % COLUMNS == 0) put(writer, "\n", 1);
    }
    if (column % COLUMNS != 0) put(writer, "\n", 1);
}

static void put_item(struct writer *writer, const struct tlsmgm_pem_item *item) {
    put_frame(writer, BEGIN, LENGTH(BEGIN), item->label);
    put_headers(writer, item->headers);
    put_body(writer, item->body);
    put_frame(writer, END, LENGTH(END), item->label);
}

enum tlsmgm_status tlsmgm_pem_rewrite(const struct tlsmgm_pem_item *item, struct tlsmgm_blob *out,
                                      struct tlsmgm_error *error) {
    struct writer measured = {0};
    put_item(&measured, item);
    struct writer writer = {.out = tlsmgm_calloc(measured.size + 1, 1)};
    *out = (struct tlsmgm_blob){0};
    if (writer.out == NULL) return tlsmgm_fail_memory(error);
    put_item(&writer, item);
    *out = (struct tlsmgm_blob){.data = writer.out, .size = writer.size};
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_pem_fail_missing(const struct tlsmgm_pem *pem,
                                           enum tlsmgm_pem_noun wanted,
                                           struct tlsmgm_error *error) {
    char what[200];
    const char *foreign = tlsmgm_foreign_format(pem->text);
    const char *held = NULL;
    const char *remedy = NULL;
    const char *and = nouns[wanted].word;
    for (size_t i = 0; i < TLSMGM_PEM_NOUNS; i++) {
        if (pem->numbers[i] == 0 || i == (size_t)wanted) continue;
        if (held == NULL) held = nouns[i].one;
        if (remedy == NULL) remedy = nouns[i].remedy;
    }
    if (foreign != NULL) {
        (void)snprintf(what, sizeof what, "is %s", foreign);
    } else if (held == NULL) {
        (void)snprintf(what, sizeof what, "holds no %s in PEM", and);
    } else if (remedy != NULL) {
        (void)snprintf(what, sizeof what, "holds %s and no %s (run: %s)", held, and, remedy);
    } else {
        (void)snprintf(what, sizeof what, "holds %s and no %s", held, and);
    }
    return fail_text(pem, error, what);
}
