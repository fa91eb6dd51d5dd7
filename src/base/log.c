/* A line is put together on the stack and leaves with one write(2), so lines of several threads do not mix. Too long: cut. */
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timeutil.h"
#include "base/utf8.h"

#define LINE_MAX 2048

static _Atomic int log_level_now = LOG_LEVEL_INFO;
static _Atomic int log_format_now = LOG_FORMAT_TEXT;
static void (*_Atomic log_sink)(struct str line, void *arg);
static void *_Atomic log_sink_arg;

struct line {
    char p[LINE_MAX];
    size_t len; /* one byte is always kept for the newline */
};

struct log_field log_str(const char *key, struct str value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_STR, .s = value};
}

struct log_field log_cstr(const char *key, const char *value)
{
    return log_str(key, str_from(value));
}

struct log_field log_i64(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_I64, .i = value};
}

void log_setup(enum log_level level, enum log_format format)
{
    atomic_store(&log_level_now, (int)level);
    atomic_store(&log_format_now, (int)format);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

void log_set_sink(void (*sink)(struct str line, void *arg), void *arg)
{
    atomic_store(&log_sink_arg, arg);
    atomic_store(&log_sink, sink);
}

static void add_char(struct line *l, char c)
{
    if (l->len < LINE_MAX - 1) {
        l->p[l->len++] = c;
    }
}

static void add(struct line *l, const char *s)
{
    while (*s != '\0') {
        add_char(l, *s++);
    }
}

/* Control characters and quotes are escaped, so that a value from outside cannot forge a line; what is not UTF-8 becomes U+FFFD. */
static void add_quoted(struct line *l, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    add_char(l, '"');
    for (size_t i = 0; i < s.len && l->len < LINE_MAX - 16;) {
        uint32_t c = utf8_next(s, &i);
        if (c == '"' || c == '\\') {
            add_char(l, '\\');
            add_char(l, (char)c);
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            add(l, "\\u00");
            add_char(l, hex[c >> 4]);
            add_char(l, hex[c & 15]);
        } else {
            char text[4];
            size_t n = utf8_put(c, text);
            for (size_t k = 0; k < n; k++) {
                add_char(l, text[k]);
            }
        }
    }
    add_char(l, '"');
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == '"' || c == '\\' || c == '=' || c >= 0x7F) {
            return false;
        }
    }
    return s.len > 0;
}

static void add_pair(struct line *l, bool json, const char *key, struct str value, bool number)
{
    if (l->len > LINE_MAX - 64) {
        return;
    }
    if (l->len > 1) {
        add_char(l, json ? ',' : ' ');
    }
    if (json) {
        add_quoted(l, str_from(key));
        add_char(l, ':');
    } else {
        add(l, key);
        add_char(l, '=');
    }
    if (number || (!json && is_plain(value))) {
        for (size_t i = 0; i < value.len; i++) {
            add_char(l, value.p[i]);
        }
    } else {
        add_quoted(l, value);
    }
}

void log_write(enum log_level level, const char *room, const char *event,
               const struct log_field *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    bool json = atomic_load(&log_format_now) == LOG_FORMAT_JSON;
    struct line l;
    l.len = 0;
    char now[TIME_TEXT_MAX];
    struct clock clock = clock_system();
    size_t now_len = time_format(clock_now(&clock), now);
    if (json) {
        add_char(&l, '{');
    }
    add_pair(&l, json, "time", (struct str){now, now_len}, false);
    add_pair(&l, json, "level", str_from(names[level]), false);
    add_pair(&l, json, "room", str_from(room), false);
    add_pair(&l, json, "event", str_from(event), false);
    for (; fields != NULL && fields->key != NULL; fields++) {
        if (fields->kind == LOG_FIELD_I64) {
            char number[24];
            int n = snprintf(number, sizeof(number), "%lld", (long long)fields->i);
            add_pair(&l, json, fields->key, (struct str){number, (size_t)n}, true);
        } else {
            add_pair(&l, json, fields->key, fields->s, false);
        }
    }
    if (json) {
        add_char(&l, '}');
    }
    void (*sink)(struct str line, void *arg) = atomic_load(&log_sink);
    if (sink != NULL) {
        sink((struct str){l.p, l.len}, atomic_load(&log_sink_arg));
        return;
    }
    l.p[l.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.p, l.len);
    (void)written; /* nowhere left to say so */
}
