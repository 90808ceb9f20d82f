#include "x509/certificate_time.h"

#include "base/text_writer.h"

struct moment {
    uint32_t year, month, day, hour, minute, second;
};

static bool read_digits(struct tlsmgm_cursor *cursor, size_t width, uint32_t *out) {
    uint32_t number = 0;
    for (size_t i = 0; i < width; i++) {
        uint32_t byte;
        if (!tlsmgm_cursor_number(cursor, 1, &byte) || byte < '0' || byte > '9') return false;
        number = number * 10 + (byte - '0');
    }
    *out = number;
    return true;
}

/* RFC 5280 section 4.1.2.5.1: 50 to 99 belong to the last century. */
static bool read_year(struct tlsmgm_cursor *cursor, bool is_generalized, uint32_t *year) {
    if (is_generalized) return read_digits(cursor, 4, year);
    if (!read_digits(cursor, 2, year)) return false;
    *year += *year < 50 ? 2000 : 1900;
    return true;
}

static uint32_t days_of_month(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1u : 0u);
}

static bool is_in_calendar(const struct moment *moment) {
    return moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= days_of_month(moment->year, moment->month) && moment->hour < 24 &&
           moment->minute < 60 && moment->second < 60;
}

static bool read_moment(struct tlsmgm_certificate_time time, struct moment *moment) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(time.digits);
    uint32_t zone;
    return read_year(&cursor, time.is_generalized, &moment->year) &&
           read_digits(&cursor, 2, &moment->month) && read_digits(&cursor, 2, &moment->day) &&
           read_digits(&cursor, 2, &moment->hour) && read_digits(&cursor, 2, &moment->minute) &&
           read_digits(&cursor, 2, &moment->second) && tlsmgm_cursor_number(&cursor, 1, &zone) &&
           zone == 'Z' && cursor.left == 0 && is_in_calendar(moment);
}

static void write_clock(const struct moment *moment, struct tlsmgm_text_writer *writer) {
    tlsmgm_text_number(writer, moment->hour, 2);
    tlsmgm_text_byte(writer, ':');
    tlsmgm_text_number(writer, moment->minute, 2);
    tlsmgm_text_byte(writer, ':');
    tlsmgm_text_number(writer, moment->second, 2);
}

size_t tlsmgm_time_text(struct tlsmgm_certificate_time time, char *out, size_t size) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    struct moment moment;
    if (read_moment(time, &moment)) {
        tlsmgm_text_string(&writer, months[moment.month - 1]);
        tlsmgm_text_string(&writer, moment.day < 10 ? "  " : " ");
        tlsmgm_text_number(&writer, moment.day, 1);
        tlsmgm_text_byte(&writer, ' ');
        write_clock(&moment, &writer);
        tlsmgm_text_byte(&writer, ' ');
        tlsmgm_text_number(&writer, moment.year, 1);
        tlsmgm_text_string(&writer, " GMT");
    }
    return tlsmgm_text_end(&writer);
}

/* Days since March 1 of the year 0: years that begin in March have their leap day at the end. */
static int64_t day_number(int64_t year, int64_t month, int64_t day) {
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t march_month = (month + 9) % 12;
    int64_t century_days = march_year / 4 - march_year / 100 + march_year / 400;
    return 365 * march_year + century_days + (153 * march_month + 2) / 5 + day - 1;
}

bool tlsmgm_time_unix(struct tlsmgm_certificate_time time, int64_t *seconds) {
    struct moment moment;
    if (!read_moment(time, &moment)) return false;
    int64_t days = day_number(moment.year, moment.month, moment.day) - day_number(1970, 1, 1);
    int64_t minutes = (days * 24 + moment.hour) * 60 + moment.minute;
    *seconds = minutes * 60 + moment.second;
    return true;
}
