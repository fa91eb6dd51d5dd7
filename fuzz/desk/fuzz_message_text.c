/* Bodies, names and previews of messages: clean is clean the second time, no character of the forbidden kind is left, nothing grows. */
#include "base/check.h"
#include "base/utf8.h"
#include "desk/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_characters(struct str s, bool one_line)
{
    ASSERT(utf8_is_valid(s));
    for (size_t at = 0; at < s.len;) {
        uint32_t c = utf8_next(s, &at);
        ASSERT(c >= 0x20 || (!one_line && (c == '\n' || c == '\t')));
        ASSERT(c != 0x7F && !(c >= 0x202A && c <= 0x202E) && !(c >= 0x2066 && c <= 0x2069));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    if (!utf8_is_valid(in)) {
        return 0; /* refused before it gets here */
    }
    ARENA_AUTO arena = arena_new(0);
    struct str body = message_clean(arena, in);
    ASSERT(body.len <= in.len);
    check_characters(body, false);
    ASSERT(str_eq(message_clean(arena, body), body));
    struct str line = message_clean_line(arena, in);
    check_characters(line, true);
    ASSERT(str_eq(message_clean_line(arena, line), line));
    struct str preview = message_preview(arena, body, 0);
    check_characters(preview, true);
    ASSERT(utf8_count(preview) <= MESSAGE_PREVIEW_MAX + 1); /* and an ellipsis */
    (void)message_client_id_is_valid(in);
    (void)message_button_is_valid(in);
    return 0;
}
