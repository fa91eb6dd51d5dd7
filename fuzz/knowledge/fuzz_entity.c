/* Entities lie in the text in order, without overlapping, on whole characters where the text has any; an address, txid or e-mail in its normal form is found again as
 * itself. The same for the characters they are found over. */
#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/chars.h"
#include "knowledge/entity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chars(struct arena *arena, struct str text)
{
    struct chars t;
    chars_of(arena, text, 4000, &t);
    ASSERT(utf8_is_valid(t.folded));
    for (size_t i = 0; i < t.n; i++) {
        ASSERT(t.from[i] <= t.from[i + 1] && t.from[i + 1] <= text.len);
        ASSERT(t.fold_at[i] < t.fold_at[i + 1] && t.c[i] != 0 && t.c[i] != 0xFFFD);
    }
    ASSERT(t.n == 0 || t.fold_at[t.n] == t.folded.len);
}

static void check_again(struct arena *arena, const struct entity *e)
{
    struct entity again[2];
    if (e->is_doubtful || (e->kind != ENTITY_ADDRESS && e->kind != ENTITY_TXID)) {
        return;
    }
    ASSERT(entities_find(arena, e->value, again, 2) == 1);
    ASSERT(again[0].kind == e->kind && str_eq(again[0].value, e->value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct entity e[ENTITY_MAX];
    ARENA_AUTO arena = arena_new(0);
    check_chars(arena, text);
    size_t n = entities_find(arena, text, e, ENTITY_MAX);
    for (size_t i = 0; i < n; i++) {
        ASSERT(e[i].from < e[i].to && e[i].to <= size);
        ASSERT(i == 0 || e[i - 1].to <= e[i].from);
        ASSERT(e[i].value.len > 0 && utf8_is_valid(e[i].value) && utf8_is_valid(e[i].unit));
        ASSERT(e[i].kind == ENTITY_ADDRESS || !e[i].is_doubtful);
        check_again(arena, &e[i]);
    }
    return 0;
}
