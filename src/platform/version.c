#include "platform/version.h"

enum err version_check(int64_t seen, int64_t present, struct errinfo *info)
{
    return seen == present || seen == VERSION_ANY
               ? ERR_OK
               : err_set(info, ERR_CONFLICT, "If-Match", "version_mismatch",
                         "somebody else was faster; load it again");
}
