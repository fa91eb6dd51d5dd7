/* Any bytes as text: the writer's output is JSON, and valid UTF-8 without NUL comes back unchanged. */
#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    if (size > 100000 || str_find_char(s, '\0') != SIZE_MAX) {
        return 0;
    }
    BUF_AUTO b;
    buf_init(&b, size * 6 + 2);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_put_str(&w, s);
    ASSERT(buf_err(&b) == ERR_OK && utf8_is_valid(buf_str(&b)));
    struct json_doc *doc = NULL;
    ASSERT(json_parse(buf_str(&b), 1 << 20, &doc, NULL) == ERR_OK);
    ASSERT(str_eq(json_str(json_root(doc)), s) == utf8_is_valid(s));
    json_doc_free(&doc);
    return 0;
}
