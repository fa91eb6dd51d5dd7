#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_name(enum err err)
{
    switch (err) {
    case ERR_OK:
        return "ok";
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_DENIED:
        return "denied";
    case ERR_UNAUTHORIZED:
        return "unauthorized";
    case ERR_LIMIT:
        return "limit";
    case ERR_AGAIN:
        return "again";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_UNKNOWN:
        return "unknown_outcome";
    case ERR_PROTOCOL:
        return "protocol";
    case ERR_INTERNAL:
        return "internal";
    }
    return "unknown";
}

static void copy_cut(char *to, size_t size, const char *from)
{
    size_t n = from ? strnlen(from, size - 1) : 0;
    if (n > 0) {
        memcpy(to, from, n);
    }
    to[n] = '\0';
}

enum err err_set(struct errinfo *info, enum err err, const char *field, const char *code,
                 const char *message, ...)
{
    if (info == NULL) {
        return err;
    }
    info->err = err;
    info->retry_after_ms = 0;
    copy_cut(info->field, sizeof(info->field), field);
    copy_cut(info->code, sizeof(info->code), code);
    info->message[0] = '\0';
    if (message != NULL) {
        va_list ap;
        va_start(ap, message);
        (void)vsnprintf(info->message, sizeof(info->message), message, ap);
        va_end(ap);
    }
    return err;
}

enum err err_retry_after(struct errinfo *info, enum err err, int64_t wait_ms)
{
    if (info != NULL) {
        info->retry_after_ms = wait_ms;
    }
    return err;
}

enum err err_hand_on(const struct errinfo *from, enum err err, struct errinfo *info)
{
    if (err != ERR_OK && info != NULL && from->message[0] != '\0') {
        *info = *from;
    }
    return err;
}
