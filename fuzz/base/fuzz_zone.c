/* A TZif file that is accepted gives sane offsets everywhere. */
#include "base/check.h"
#include "base/timeutil.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *z = NULL;
    if (zone_decode((struct str){(const char *)data, size}, &z) != ERR_OK) {
        return 0;
    }
    static const int64_t ats[] = {
        INT64_MIN,     -5000000000000,  -1,       0, 1700000000000, 1800000000000,
        5000000000000, 250000000000000, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(ats); i++) {
        int32_t offset = zone_offset_s(z, ats[i]);
        ASSERT(offset > -15 * 86400 && offset < 15 * 86400);
    }
    zone_free(&z);
    return 0;
}
