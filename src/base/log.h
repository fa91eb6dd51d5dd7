/* Structured log: one line of logfmt (or JSON) per event to stderr. No message text, no personal data: ids, counts, names of things.
 * Thread-safe. The sink is the one mutable global of the program.
 *     LOG_INFO("http", "listening", log_str("addr", addr), log_i64("loops", n)); */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_FIELD_STR, LOG_FIELD_I64 } kind;
    struct str s;
    int64_t i;
};

struct log_field log_str(const char *key, struct str value);
struct log_field log_cstr(const char *key, const char *value);
struct log_field log_i64(const char *key, int64_t value);

void log_setup(enum log_level level, enum log_format format);
bool log_is_on(enum log_level level);
/* Tests catch lines here; NULL restores stderr. */
void log_set_sink(void (*sink)(struct str line, void *arg), void *arg);
void log_write(enum log_level level, const char *room, const char *event,
               const struct log_field *fields);

#define LOG_AT(level, room, event, ...)                                                            \
    do {                                                                                           \
        if (log_is_on(level)) {                                                                    \
            log_write((level), (room), (event),                                                    \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}});                  \
        }                                                                                          \
    } while (0)
#define LOG_DEBUG(room, event, ...) LOG_AT(LOG_LEVEL_DEBUG, room, event, __VA_ARGS__)
#define LOG_INFO(room, event, ...) LOG_AT(LOG_LEVEL_INFO, room, event, __VA_ARGS__)
#define LOG_WARN(room, event, ...) LOG_AT(LOG_LEVEL_WARN, room, event, __VA_ARGS__)
#define LOG_ERROR(room, event, ...) LOG_AT(LOG_LEVEL_ERROR, room, event, __VA_ARGS__)

#endif
