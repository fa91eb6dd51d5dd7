/* First bytes of uploads: whatever they are, only what was looked into may be shown as a picture, and what is served is on the list. */
#include <string.h>

#include "base/check.h"
#include "desk/file_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allowed[] = {
        "image/png",       "image/jpeg", "image/gif",       "image/webp", "application/pdf",
        "video/mp4",       "video/webm", "video/quicktime", "audio/mpeg", "audio/ogg",
        "application/zip", "text/plain", "audio/mp4",       "audio/x-m4a"};
    for (int whole = 0; whole < 2; whole++) {
        struct file_type t = file_type_of((struct str){(const char *)data, size}, whole == 1);
        bool known = t.content_type == NULL;
        for (size_t i = 0; !known && i < ARRAY_LEN(allowed); i++) {
            known = str_starts(str_from(t.content_type), str_from(allowed[i]));
        }
        ASSERT(known);
        ASSERT(t.width >= 0 && t.height >= 0);
        if (t.is_image) {
            ASSERT(t.content_type != NULL && strncmp(t.content_type, "image/", 6) == 0);
            ASSERT(t.width > 0 && t.height > 0);
            ASSERT((long long)t.width * t.height <= FILE_MAX_PIXELS);
        }
    }
    return 0;
}
