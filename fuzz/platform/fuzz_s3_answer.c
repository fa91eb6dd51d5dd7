/* Documents and headers of a file store: read without harm, pieces lie inside what came, and every refusal has a cause and a reason. */
#include <string.h>

#include "base/check.h"
#include "platform/s3_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str whole, struct str part)
{
    ASSERT(part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len));
}

static void check_list(struct str xml)
{
    struct str rest = xml;
    struct str item;
    size_t before = rest.len + 1;
    while (s3_next_element(&rest, "Contents", &item)) {
        ASSERT(rest.len < before);
        before = rest.len;
        check_inside(xml, item);
        check_inside(item, s3_element(item, "Key"));
        check_inside(item, s3_element(item, "Size"));
    }
}

static void check_refusal(struct str text, long status)
{
    struct s3_answer a = {.status = status};
    struct errinfo info = {0};
    bool again = false;
    a.text_len = text.len < sizeof(a.text) ? text.len : sizeof(a.text);
    memcpy(a.text, text.p, a.text_len);
    enum err err = s3_failure(&a, "bucket", 0, &again, &info);
    ASSERT(err == ERR_UNAVAILABLE || err == ERR_NOT_FOUND);
    ASSERT(info.code[0] != '\0' && info.message[0] != '\0');
    ASSERT(status < 500 || again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {301, 400, 403, 404, 409, 416, 429, 500, 503};
    struct str text = {(const char *)data, size};
    int64_t from = -1;
    int64_t total = -1;
    if (size == 0) {
        return 0;
    }
    check_list(text);
    s3_content_range(text, &from, &total);
    ASSERT(from >= -1 && total >= -1);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        check_refusal(text, statuses[i]);
    }
    return 0;
}
