/* What is accepted is whole: nothing empty, all text inside the file or its own copy, caps held. */
#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/frontmatter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO arena = arena_new(0);
    struct article_source a;
    struct errinfo info = {0};
    if (frontmatter_parse(arena, (struct str){(const char *)data, size}, &a, &info) != ERR_OK) {
        ASSERT(info.code[0] != '\0' && info.field[0] != '\0');
        return 0;
    }
    ASSERT(size <= FRONTMATTER_MAX_FILE);
    ASSERT(a.title.len > 0 && a.category.len > 0 && a.summary.len > 0 && a.answer.len > 0);
    ASSERT(a.n_phrasings > 0 && a.n_phrasings <= FRONTMATTER_MAX_PHRASINGS);
    ASSERT(a.order >= 0 && a.order <= 1000000);
    ASSERT(utf8_is_valid(a.answer) && utf8_is_valid(a.body) && utf8_is_valid(a.title));
    for (size_t i = 0; i < a.n_phrasings; i++) {
        ASSERT(a.phrasings[i].len > 0 && utf8_is_valid(a.phrasings[i]));
    }
    return 0;
}
