/* What parses is an instant whose own text parses to the same instant. */
#include "base/check.h"
#include "base/timeutil.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t at = 0;
    int64_t again = 0;
    if (time_parse((struct str){(const char *)data, size}, &at) != ERR_OK) {
        return 0;
    }
    const int64_t first = -62167219200000;
    const int64_t last = 253402300799999;
    if (at < first || at > last) { /* an offset or a leap second at the very ends */
        return 0;
    }
    char text[TIME_TEXT_MAX];
    size_t len = time_format(at, text);
    enum err err = time_parse((struct str){text, len}, &again);
    ASSERT(err == ERR_OK && again == at);
    struct civil c = time_to_civil(at);
    ASSERT(time_from_civil(&c) == at);
    return 0;
}
