/* Time zones from the system's TZif files (RFC 8536): the 64-bit table of transitions, then, past its end, the POSIX TZ rule of the footer.
 * libc's tz functions are not used: they have one zone per process. Loaded zones stay for the life of the process (there are ~600 names),
 * behind a lock that is taken only by zone_load; a loaded zone never changes. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define MAX_NAME 64
#define MAX_FILE 65536
#define HEADER 44

/* One change of a POSIX rule: "M3.2.0/2", "J60" or "59/2". */
struct change {
    enum { CHANGE_MONTH, CHANGE_JULIAN, CHANGE_DAY } kind;
    int month, week, day;
    int time_s;
};

struct rule {
    bool has_dst;
    int32_t standard_s;
    int32_t dst_s;
    struct change start, end;
};

struct zone {
    size_t n;
    int64_t *at_s;     /* n transitions */
    int32_t *offset_s; /* n + 1: [0] is valid before the first */
    bool has_rule;
    struct rule rule;
};

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *zone_cache;

/* --- POSIX TZ string ------------------------------------------------------------------------------------------------------- */

static bool take(struct str *s, char c)
{
    if (s->len == 0 || s->p[0] != c) {
        return false;
    }
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_number(struct str *s, int max, int *out)
{
    int v = 0;
    size_t n = 0;
    for (; n < s->len && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        v = v * 10 + (s->p[n] - '0');
    }
    *s = str_sub(*s, n, s->len);
    *out = v;
    return n > 0 && v <= max;
}

static bool take_name(struct str *s)
{
    size_t n = 0;
    if (take(s, '<')) {
        n = str_find_char(*s, '>');
        if (n == SIZE_MAX) {
            return false;
        }
        *s = str_sub(*s, n + 1, s->len);
        return true;
    }
    while (n < s->len &&
           ((s->p[n] >= 'A' && s->p[n] <= 'Z') || (s->p[n] >= 'a' && s->p[n] <= 'z'))) {
        n++;
    }
    *s = str_sub(*s, n, s->len);
    return n >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(struct str *s, int *out_s)
{
    int sign = take(s, '-') ? -1 : 1;
    int hour;
    int minute = 0;
    int second = 0;
    if (sign == 1) {
        (void)take(s, '+');
    }
    if (!take_number(s, 167, &hour)) {
        return false;
    }
    if (take(s, ':') && !take_number(s, 59, &minute)) {
        return false;
    }
    if (take(s, ':') && !take_number(s, 59, &second)) {
        return false;
    }
    *out_s = sign * (hour * 3600 + minute * 60 + second);
    return true;
}

static bool take_change(struct str *s, struct change *out)
{
    *out = (struct change){.time_s = 7200};
    if (!take(s, ',')) {
        return false;
    }
    bool ok;
    if (take(s, 'M')) {
        out->kind = CHANGE_MONTH;
        ok = take_number(s, 12, &out->month) && out->month >= 1 && take(s, '.') &&
             take_number(s, 5, &out->week) && out->week >= 1 && take(s, '.') &&
             take_number(s, 6, &out->day);
    } else if (take(s, 'J')) {
        out->kind = CHANGE_JULIAN;
        ok = take_number(s, 365, &out->day) && out->day >= 1;
    } else {
        out->kind = CHANGE_DAY;
        ok = take_number(s, 365, &out->day);
    }
    return ok && (!take(s, '/') || take_time(s, &out->time_s));
}

static bool parse_rule(struct str s, struct rule *out)
{
    int west;
    *out = (struct rule){0};
    if (!take_name(&s) || !take_time(&s, &west)) {
        return false;
    }
    out->standard_s = -west;
    out->dst_s = -west + 3600;
    if (s.len == 0) {
        return true;
    }
    out->has_dst = true;
    if (!take_name(&s)) {
        return false;
    }
    if (s.len > 0 && s.p[0] != ',') {
        if (!take_time(&s, &west)) {
            return false;
        }
        out->dst_s = -west;
    }
    return take_change(&s, &out->start) && take_change(&s, &out->end) && s.len == 0;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Local wall seconds since 1970 of a change in `year`, as if the zone were UTC. */
static int64_t change_at_s(const struct change *c, int year)
{
    struct civil first = {.year = year, .month = c->kind == CHANGE_MONTH ? c->month : 1, .day = 1};
    int64_t day = time_from_civil(&first) / TIME_DAY_MS;
    if (c->kind == CHANGE_MONTH) {
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int length = lengths[c->month - 1] + (c->month == 2 && is_leap(year));
        int weekday = time_to_civil(day * TIME_DAY_MS).weekday;
        int of_month = (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
        day += of_month >= length ? of_month - 7 : of_month;
    } else if (c->kind == CHANGE_JULIAN) {
        day += c->day - 1 + (c->day >= 60 && is_leap(year));
    } else {
        day += c->day;
    }
    return day * 86400 + c->time_s;
}

static int32_t rule_offset_s(const struct rule *r, int64_t at_s)
{
    if (!r->has_dst) {
        return r->standard_s;
    }
    int year = time_to_civil((at_s + r->standard_s) * 1000).year;
    int64_t start = change_at_s(&r->start, year) - r->standard_s;
    int64_t end = change_at_s(&r->end, year) - r->dst_s;
    bool dst = start < end ? at_s >= start && at_s < end : at_s >= start || at_s < end;
    return dst ? r->dst_s : r->standard_s;
}

/* --- TZif file ------------------------------------------------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct counts {
    uint32_t is_utc, is_std, leap, time, type, chars;
};

/* Reads a header at `at`; sizes that could not be in a file of ours are refused, which also keeps the sums below from overflowing. */
static bool read_header(const unsigned char *data, size_t len, size_t at, struct counts *c)
{
    if (at > len || len - at < HEADER || memcmp(data + at, "TZif", 4) != 0) {
        return false;
    }
    const unsigned char *p = data + at + 20;
    *c = (struct counts){be32(p),      be32(p + 4),  be32(p + 8),
                         be32(p + 12), be32(p + 16), be32(p + 20)};
    return c->is_utc <= MAX_FILE && c->is_std <= MAX_FILE && c->leap <= MAX_FILE &&
           c->time <= MAX_FILE && c->type >= 1 && c->type <= 256 && c->chars <= MAX_FILE;
}

static size_t body_size(const struct counts *c, size_t time_size)
{
    return c->time * time_size + c->time + c->type * 6 + c->chars + c->leap * (time_size + 4) +
           c->is_std + c->is_utc;
}

void zone_free(struct zone **zone)
{
    if (zone == NULL || *zone == NULL) {
        return;
    }
    mem_free((*zone)->at_s);
    mem_free((*zone)->offset_s);
    mem_free(*zone);
    *zone = NULL;
}

/* Fills the tables; false when a type index or the order is wrong. */
static bool read_body(struct zone *z, const unsigned char *body, const struct counts *c)
{
    const unsigned char *index = body + (size_t)c->time * 8;
    const unsigned char *types = index + c->time;
    z->n = c->time;
    z->at_s = MEM_NEW_ARRAY(int64_t, z->n);
    z->offset_s = MEM_NEW_ARRAY(int32_t, z->n + 1);
    z->offset_s[0] = (int32_t)be32(types);
    for (size_t i = 0; i < z->n; i++) {
        z->at_s[i] = be64(body + i * 8);
        if (index[i] >= c->type || (i > 0 && z->at_s[i] <= z->at_s[i - 1])) {
            return false;
        }
        z->offset_s[i + 1] = (int32_t)be32(types + (size_t)index[i] * 6);
    }
    for (size_t i = 0; i < c->type; i++) {
        int32_t offset = (int32_t)be32(types + i * 6);
        if (offset < -93599 || offset > 93599) {
            return false;
        }
    }
    return true;
}

enum err zone_decode(struct str file, struct zone **out)
{
    const unsigned char *data = (const unsigned char *)file.p;
    struct counts c;
    if (file.len > MAX_FILE || !read_header(data, file.len, 0, &c) || data[4] < '2') {
        return ERR_PROTOCOL;
    }
    size_t at = HEADER + body_size(&c, 4);
    if (!read_header(data, file.len, at, &c)) {
        return ERR_PROTOCOL;
    }
    at += HEADER;
    size_t size = body_size(&c, 8);
    if (size > file.len - at) {
        return ERR_PROTOCOL;
    }
    struct zone *z = MEM_NEW(struct zone);
    if (!read_body(z, data + at, &c)) {
        zone_free(&z);
        return ERR_PROTOCOL;
    }
    struct str footer = str_sub(file, at + size, file.len);
    if (footer.len > 2 && footer.p[0] == '\n' && footer.p[footer.len - 1] == '\n') {
        z->has_rule = parse_rule(str_sub(footer, 1, footer.len - 2), &z->rule);
    }
    *out = z;
    return ERR_OK;
}

int32_t zone_offset_s(const struct zone *z, int64_t at)
{
    const int64_t far_s =
        253402300799; /* year 9999; no zone has plans past it, and the arithmetic below stays in range */
    int64_t at_s = at / 1000 - (at % 1000 < 0);
    at_s = at_s > far_s ? far_s : at_s < -far_s ? -far_s : at_s;
    if (z->has_rule && (z->n == 0 || at_s >= z->at_s[z->n - 1])) {
        return rule_offset_s(&z->rule, at_s);
    }
    size_t low = 0; /* number of transitions at or before at_s */
    size_t high = z->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (z->at_s[mid] <= at_s) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return z->offset_s[low];
}

/* --- by name --------------------------------------------------------------------------------------------------------------- */

/* Letters, digits, '_', '+', '-' and single '/' between parts: no dots, so no way out of the folder. */
static bool is_safe_name(struct str name)
{
    if (name.len == 0 || name.len > MAX_NAME) {
        return false;
    }
    char before = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '+' || c == '-';
        if (!word && (c != '/' || before == '/')) {
            return false;
        }
        before = c;
    }
    return before != '/';
}

static enum err zone_read(struct str name, struct zone **out)
{
    char path[sizeof(ZONE_DIR) + MAX_NAME];
    (void)snprintf(path, sizeof(path), ZONE_DIR STR_FMT, STR_ARG(name));
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return ERR_NOT_FOUND;
    }
    char *data = mem_alloc(MAX_FILE);
    size_t len = fread(data, 1, MAX_FILE, f);
    (void)fclose(f);
    enum err err = zone_decode((struct str){data, len}, out);
    mem_free(data);
    return err == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}

enum err zone_load(struct str name, const struct zone **out)
{
    if (!is_safe_name(name)) {
        return ERR_NOT_FOUND;
    }
    (void)pthread_mutex_lock(&zone_lock);
    if (zone_cache == NULL) {
        zone_cache = map_new();
    }
    struct zone *z = map_find(zone_cache, name);
    enum err err = ERR_OK;
    if (z == NULL) {
        err = zone_read(name, &z);
        if (err == ERR_OK) {
            (void)map_put(zone_cache, name, z);
        }
    }
    (void)pthread_mutex_unlock(&zone_lock);
    if (err == ERR_OK) {
        *out = z;
    }
    return err;
}
