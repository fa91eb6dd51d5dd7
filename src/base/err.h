/* Errors: one small set for the whole program.
 *
 * A function that can fail returns `enum err` and must be checked. Outputs are untouched on failure. Detail travels in an optional,
 * last `struct errinfo *` (NULL: not wanted). A refusal of the trade ("agent at capacity") is a result, not an error.
 * Errors are logged once, where they stop travelling. platform/problem.h maps them to HTTP. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

enum err {
    ERR_OK = 0,
    ERR_INVALID,      /* the caller's input is wrong; errinfo.field names the field */
    ERR_NOT_FOUND,    /* no such thing, or it may not be seen by this actor */
    ERR_CONFLICT,     /* a version or a state moved: load again, decide again */
    ERR_DENIED,       /* known actor without the permission */
    ERR_UNAUTHORIZED, /* nobody known: no or bad credentials */
    ERR_LIMIT,        /* a size, rate or quota is exceeded */
    ERR_AGAIN,        /* not now; the same call may succeed later */
    ERR_TIMEOUT,
    ERR_UNAVAILABLE, /* something we need is down */
    ERR_UNKNOWN,     /* it may have happened or not: look before doing it again */
    ERR_PROTOCOL,    /* a peer spoke nonsense */
    ERR_INTERNAL,    /* our bug, or a disk that fails */
};

#define ERR_MUST_USE __attribute__((warn_unused_result))

/* Detail of a failure, for the person or program that must act on it. Fixed size: it lives on the stack.
 * `field` is a JSON pointer-like name ("email", "members[2].role"); `code` a stable machine word ("too_long");
 * `message` plain English, no secrets, no personal data. */
struct errinfo {
    enum err err;
    char field[64];
    char code[32];
    char message[192];
    int64_t retry_after_ms; /* when the same call may succeed; 0: unknown. HTTP's Retry-After */
};

/* Word for logs and problem documents: "invalid", "not_found" ... Never NULL. */
const char *err_name(enum err err);

/* Fill `info` (NULL is fine) and return `err`, so that a caller can `return err_set(info, ERR_INVALID, "email", "too_long", "...")`.
 * `message` is printf-like; cut at the buffer's size. */
enum err err_set(struct errinfo *info, enum err err, const char *field, const char *code,
                 const char *message, ...) __attribute__((format(printf, 5, 6)));
/* Hands a failure on whose detail was filled elsewhere (in a transaction that may run again): copies `from` to `info` (NULL is fine) when `err` is one and
 * `from` says something. Returns `err`. */
enum err err_hand_on(const struct errinfo *from, enum err err, struct errinfo *info);
/* Adds the time to wait to what err_set has filled. */
enum err err_retry_after(struct errinfo *info, enum err err, int64_t wait_ms);

#endif
