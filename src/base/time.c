/* Calendar arithmetic after Howard Hinnant's days_from_civil: exact for the proleptic Gregorian calendar, no tables, no libc. */
#include "base/timeutil.h"

#include <time.h>

static int64_t system_now(void *arg)
{
    (void)arg;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct clock clock_system(void)
{
    return (struct clock){system_now, NULL};
}

int64_t clock_now(const struct clock *c)
{
    return c->now(c->arg);
}

int64_t time_monotonic_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct civil time_to_civil(int64_t at)
{
    int64_t days = floor_div(at, TIME_DAY_MS);
    int64_t ms = at - days * TIME_DAY_MS;
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int64_t weekday = (days + 4) % 7;
    return (struct civil){
        .year = (int)(yoe + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(ms / TIME_HOUR_MS),
        .minute = (int)(ms / TIME_MINUTE_MS % 60),
        .second = (int)(ms / TIME_SECOND_MS % 60),
        .ms = (int)(ms % 1000),
        .weekday = (int)(weekday < 0 ? weekday + 7 : weekday),
    };
}

int64_t time_from_civil(const struct civil *c)
{
    return days_from_civil(c->year, c->month, c->day) * TIME_DAY_MS + c->hour * TIME_HOUR_MS +
           c->minute * TIME_MINUTE_MS + c->second * TIME_SECOND_MS + c->ms;
}

static char *put_digits(char *p, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

/* Years outside 0000-9999 have no RFC 3339 form: clamped, so that the text is always well-formed. */
size_t time_format(int64_t at, char out[TIME_TEXT_MAX])
{
    const int64_t first = -62167219200000LL;
    const int64_t last = 253402300799999LL;
    struct civil c = time_to_civil(at < first ? first : at > last ? last : at);
    char *p = put_digits(out, c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    *p++ = '.';
    p = put_digits(p, c.ms, 3);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

/* Takes `width` digits off the front. */
static bool take_digits(struct str *s, size_t width, int *out)
{
    if (s->len < width) {
        return false;
    }
    int v = 0;
    for (size_t i = 0; i < width; i++) {
        char c = s->p[i];
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (c - '0');
    }
    *s = str_sub(*s, width, s->len);
    *out = v;
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->p[0] != c) {
        return false;
    }
    *s = str_sub(*s, 1, s->len);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* ".123456": at most nine digits, cut to milliseconds. */
static bool take_fraction(struct str *s, int *ms_out)
{
    int ms = 0;
    int scale = 100;
    size_t n = 0;
    for (; n < s->len && n < 9 && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        ms += (s->p[n] - '0') * scale;
        scale /= 10;
    }
    *s = str_sub(*s, n, s->len);
    *ms_out = ms;
    return n > 0;
}

static bool take_offset(struct str *s, int64_t *offset_ms_out)
{
    if (take_char(s, 'Z') || take_char(s, 'z')) {
        *offset_ms_out = 0;
        return true;
    }
    int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
    int hour;
    int minute;
    if (sign == 0 || !take_digits(s, 2, &hour) || !take_char(s, ':') ||
        !take_digits(s, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *offset_ms_out = sign * (hour * TIME_HOUR_MS + minute * TIME_MINUTE_MS);
    return true;
}

enum err time_parse(struct str s, int64_t *at_out)
{
    struct civil c = {0};
    int64_t offset_ms = 0;
    bool ok = take_digits(&s, 4, &c.year) && take_char(&s, '-') && take_digits(&s, 2, &c.month) &&
              take_char(&s, '-') && take_digits(&s, 2, &c.day) &&
              (take_char(&s, 'T') || take_char(&s, 't') || take_char(&s, ' ')) &&
              take_digits(&s, 2, &c.hour) && take_char(&s, ':') && take_digits(&s, 2, &c.minute) &&
              take_char(&s, ':') && take_digits(&s, 2, &c.second) &&
              (!take_char(&s, '.') || take_fraction(&s, &c.ms)) && take_offset(&s, &offset_ms) &&
              s.len == 0;
    if (!ok || c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_in_month(c.year, c.month) ||
        c.hour > 23 || c.minute > 59 || c.second > 60) {
        return ERR_INVALID;
    }
    *at_out = time_from_civil(&c) - offset_ms; /* a leap second (60) becomes the next second */
    return ERR_OK;
}
