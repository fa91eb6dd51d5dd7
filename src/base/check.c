#include "base/check.h"

#include <stdlib.h>

#include "base/log.h"

_Noreturn void check_fail(const char *file, int line, const char *expr)
{
    LOG_ERROR("base", "assertion_failed", log_cstr("file", file), log_i64("line", line),
              log_cstr("expr", expr));
    abort();
}
