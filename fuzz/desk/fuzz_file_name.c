/* What a stranger calls a file: the name that is kept has no path, hides nothing, and fits one header line. */
#include "base/check.h"
#include "base/utf8.h"
#include "desk/file_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(struct arena *arena, struct str name)
{
    struct str value = file_disposition(arena, name, name.len % 2 == 1);
    int n_quotes = 0;
    for (size_t i = 0; i < value.len; i++) {
        ASSERT(value.p[i] >= 0x20 && value.p[i] < 0x7F);
        n_quotes += value.p[i] == '"' ? 1 : 0;
    }
    ASSERT(n_quotes == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    if (!utf8_is_valid(in)) {
        return 0; /* refused before it gets here */
    }
    ARENA_AUTO arena = arena_new(0);
    struct str name = file_name_clean(arena, in);
    ASSERT(name.len > 0 && name.len <= 150 && utf8_is_valid(name) && name.p[0] != '.');
    for (size_t i = 0; i < name.len; i++) {
        ASSERT((unsigned char)name.p[i] >= 0x20 && name.p[i] != '/' && name.p[i] != '\\');
    }
    ASSERT(str_eq(file_name_clean(arena, name), name));
    check_header(arena, name);
    return 0;
}
