/* ASSERT: always on, for our own bugs, never for input. Prints file:line and the expression to the log's sink, then aborts. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

_Noreturn void check_fail(const char *file, int line, const char *expr);

#define ASSERT(expr) ((expr) ? (void)0 : check_fail(__FILE__, __LINE__, #expr))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define UNUSED(x) ((void)(x))

#endif
